"""The command line: reads options, calls the rest, prints what `report` makes of the results.

`main`      the command `shootdown`
`lazy`      a group of commands whose modules are imported when they are needed
`errors`    from exceptions to messages and exit codes
`options`   kinds of option values
`effort_options`  the options that say how to search
`terminal`  what a stream can show
`output`    files that appear whole or not at all
`progress`  the live line of a long search
`bar`       a bar for a known number of things
`checkpoints`  `--checkpoint` and `--resume` of `check`
`saved_runs`   `--from`, `--save` and `--write-test` of `check`

and one module for each command, named like it: `check`, `matrix`, `replay`, `record`, `import_`,
`conform` (`conform_task` is what it was asked to do, `conform_guest` its `--guest`), `demo`.
"""
