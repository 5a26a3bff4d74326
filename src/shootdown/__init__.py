"""shootdown: check, price and watch what keeps secondary TLBs and MMUs in step with Linux."""
