"""What results are called and how they are written, in HTML pages and in the terminal.

The command line imports it too. It needs only the messages of the API.
"""
