"""What must hold.

Each rule has a name, a sentence, and methods in the model language that are called at the places
where it can be judged. The methods are `@ghost`: they look, and change nothing.

`rule`     what all rules have, and the list of them
`access`   rules about one access of a device or CPU, judged when the access lands
`contents` rules about what is in pages: no write is lost
`young`    rules about what the kernel believes was used
`device`   rules about what happens to a device
`announced` the rule about what Linux tells before it changes an entry
`lifetime` rules about the end of a subscription, and about refused starts
`contract` rules about who calls start and end, judged by `check --audit`
`machine`  limits of the model itself, which are never a verdict about the driver
"""
