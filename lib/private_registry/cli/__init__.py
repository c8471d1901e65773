"""The command line: from words to a request, and from an outcome to what is shown.

The only room that prints. The door is `main`; `command_line` turns words into a request
with the help of the modules named after options, the `show_` modules turn outcomes into
text and JSON, and `help` holds the help texts.
"""
