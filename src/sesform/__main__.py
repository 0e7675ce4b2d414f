from sesform.cli import entry

entry()
