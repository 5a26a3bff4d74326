"""The running kernel, through its own interfaces: thin typed bindings, each useful alone.

    kvm               /dev/kvm: virtual machines, memory slots, vCPUs
    kvm_state         the structures that go with it
    guest             a guest that reads and writes pages, to see what a secondary MMU sees
    perf_events       perf_event_open: tracepoints of a thread or a CPU, call chains, losses
    perf_ring         the ring buffer behind an event, and its records
    tracepoints       ids and fields of tracepoints
    tracefs           where that is looked up
    kallsyms          addresses to names of kernel functions
    userfaultfd       page faults, unmaps and moves of a range, told and answered
    pagemap           what is mapped: /proc/PID/pagemap and its PAGEMAP_SCAN
    descriptor        a file descriptor that its owner closes
    system            system calls by number, ioctl
    memory            mmap, munmap, madvise and the like, at addresses one chooses
    callbacks         what the kernel calls the mmu_notifiers of this process for
    notifications     the same with names: why
    toucher           many pages touched in order with few calls
    programs          programs of memory system calls with what was observed, and their file
    generate          random ones; writer and more_writer make them up
    shrink            the smallest one that still does what is looked for
    region            what such a program works on; region_state what is there then
    calls             rarer system calls about memory
    more_operations   operations that make them
    children          forked copies that do what they are told
    run               one run of it, in this process
    server            a small process that forks another one for each run
    observe           what the kernel did, repeatably
    settings          what of the system programs depend on
    apart             a function in a process of its own, forked for it
    crew              tasks on several processes
    campaign          many programs on them
    coherence         whether a guest sees what its process has, after every operation
    errors            the error for what a machine lacks

Nothing here changes a setting of the system, and nothing imports the rest of shootdown.
"""
