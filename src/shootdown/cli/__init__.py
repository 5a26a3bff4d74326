"""The command line: reads options, calls the rest, prints what `report` makes of the results.

`main`      the command `shootdown`
`lazy`      a group of commands whose modules are imported when they are needed
`errors`    from exceptions to messages and exit codes
`drivers`   which kernel a driver is run on
`options`   kinds of option values
`terminal`  what a stream can show
`output`    files that appear whole or not at all
`progress`  the live line of a long search
`bar`       a bar for a known number of things

and one module for each command, named like it; `conform_task` is what `conform` was asked to do.
"""
