"""Devices: what is busy, and why does my run wait?"""
