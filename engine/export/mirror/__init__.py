"""A run's log, written on to an experiment tracker: TensorBoard, Weights & Biases, Trackio or MLflow.

A mirror only reads the run folder. Nothing of it runs in a worker, and a tracker that fails never disturbs a training.
"""
