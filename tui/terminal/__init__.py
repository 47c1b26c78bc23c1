"""What the dashboard asks of the terminal, and of Textual beyond its public interface."""
