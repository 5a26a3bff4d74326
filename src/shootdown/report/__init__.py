"""Records in, text out. Nothing here searches, and nothing here opens a file.

`paint`           colour, or none
`words`           state and its changes in a kernel developer's words
`rows`            a counterexample shortened to the rows worth reading
`timeline`        those rows drawn as a race: two columns, or one heading per turn
`check_terminal`  what `shootdown check` prints
`races`           data races as a list of pairs of places
`profile`         what each line of source costs, as a table
`check_json`      the same as JSON, `shootdown.check/1`
`rerun`           what became of a saved run, as text and as JSON, `shootdown.rerun/1`
`pytest_source`   a file of tests about what a check found
`trace_terminal`  what `shootdown record` and `shootdown import` print
`trace_json`      the same as JSON, `shootdown.trace/1`
`bill_terminal`   what `shootdown replay` prints
`bill_json`       the same as JSON, `shootdown.bill/1`
`matrix_terminal`  what `shootdown matrix` prints
`matrix_json`     the same as JSON, `shootdown.matrix/1`
`conform_terminal`  what `shootdown conform` prints
`conform_json`    the same as JSON, `shootdown.conform/1`
"""
