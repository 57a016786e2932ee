"""/metrics: what Prometheus reads. Every figure is counted in the database when it is asked for; nothing is kept here.

| module | what |
|---|---|
| text | a family of figures, and the exposition format |
| inventory | hosts, VMs, by place and state |
| moving | migrations, the queue, operations, plans, alerts |
| health | Godwit's own: leases, collectors, the record of events, the database |
| view | who may read it |
"""
