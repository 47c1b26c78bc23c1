"""The dashboard in a browser: the server, who may reach it, and what differs for a dashboard that is served."""
