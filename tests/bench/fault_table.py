"""The fault table of the study of live migration (sections 1.5 and 7), as far as it can be provoked in the lab.

Left out: F02 and G08 (Godwit never asks for an unmanaged migration), G02 and G10 (the guardian pauses first: G11),
H15 to H16 (the same path as H14 and H06), H20.
"""

from hosts.states import MigrationState
from tests.bench import fault_plays as play
from tests.bench.fault_trial import AT_RESUMED, AT_SUSPENDED, SMALL, Fault

S = MigrationState
COPYING, SWITCH, RESUME, POSTCOPY = "while memory is copied", "at switch-over", "as it resumes there", "in post-copy"
HERE, THERE, CRASHED = "source", "destination", "crashed"
#: what is true at once: it goes on, it is not known, it runs there
GOES_ON, NOT_KNOWN, HALF = (S.COPYING,), (S.PROBING,), (S.POSTCOPY, S.POSTCOPY_PAUSED)

TABLE = (
    Fault(name="F00", what="nothing: the control", when=COPYING, play=play.copying(play.nothing), says=GOES_ON,
          ends=S.DONE, guest=THERE),
    Fault(name="F01", what="SIGKILL to the worker", when=COPYING, play=play.copying(play.worker_killed), says=GOES_ON,
          ends=S.DONE, guest=THERE, quick=True),
    Fault(name="F01b", what="the worker frozen, thawed beside its heir", when=COPYING,
          play=play.copying(play.worker_frozen), says=GOES_ON, ends=S.DONE, guest=THERE),
    Fault(name="F01c", what="SIGKILL to all of Godwit, back after 3 s", when=COPYING,
          play=play.copying(play.all_but_the_daemons_killed), says=GOES_ON, ends=S.DONE, guest=THERE),
    Fault(name="F03", what="the source's libvirtd killed, back after 3 s", when=COPYING,
          play=play.copying(play.daemon_restarted("h1")), says=NOT_KNOWN, ends=S.FAILED, guest=HERE, quick=True),
    Fault(name="F04", what="the source's libvirtd killed, back after 12 s", when=COPYING,
          play=play.copying(play.daemon_restarted("h1", 12)), says=NOT_KNOWN, ends=S.FAILED, guest=HERE),
    Fault(name="F05", what="the destination's libvirtd killed", when=COPYING,
          play=play.copying(play.daemon_restarted("h2")), says=NOT_KNOWN, ends=S.FAILED, guest=HERE, quick=True),
    Fault(name="F06", what="the destination's QEMU killed", when=COPYING, play=play.copying(play.qemu_killed("h2")),
          ends=S.FAILED, guest=HERE, quick=True),
    Fault(name="F07", what="the source's QEMU killed", when=COPYING, play=play.copying(play.qemu_killed("h1")),
          ends=S.LOST, guest=CRASHED, quick=True),
    Fault(name="F08", what="the destination's link cut for 15 s", when=COPYING, play=play.copying(play.link_cut(15)),
          says=NOT_KNOWN, ends=S.FAILED, guest=HERE),
    Fault(name="F09", what="the destination's link cut for 2 s", when=COPYING,
          play=play.copying(play.link_cut(2, then_finish=True)), says=GOES_ON, ends=S.DONE, guest=THERE),
    Fault(name="F10", what="the operator cancels", when=COPYING, play=play.copying(play.cancelled),
          ends=S.CANCELLED, guest=HERE, quick=True),
    Fault(name="H01", what="the source's libvirtd frozen for 8 s", when=SWITCH, load=SMALL,
          play=play.source_daemon_frozen_over_switch, says=(*NOT_KNOWN, S.SWITCHING), ends=S.FAILED, guest=HERE),
    Fault(name="H02", what="the source's libvirtd killed, back after 3 s", when=SWITCH, load=SMALL,
          play=play.daemon_killed_at(AT_SUSPENDED, "h1"), says=NOT_KNOWN, ends=S.FAILED, guest=HERE, quick=True),
    Fault(name="H03", what="the destination's libvirtd killed", when=SWITCH, load=SMALL,
          play=play.daemon_killed_at(AT_SUSPENDED, "h2"), says=NOT_KNOWN, ends=S.FAILED, guest=HERE, quick=True),
    Fault(name="H04", what="the source's libvirtd killed: a zombie is left", when=RESUME, load=SMALL,
          play=play.daemon_killed_at(AT_RESUMED, "h1"), says=(*NOT_KNOWN, S.CONFIRMING), ends=S.DONE, guest=THERE),
    Fault(name="H05", what="the destination's libvirtd killed: two copies run", when=RESUME, load=SMALL,
          play=play.daemon_killed_at(AT_RESUMED, "h2"), says=(*NOT_KNOWN, S.CONFIRMING), ends=S.DONE, guest=THERE,
          quick=True),
    Fault(name="H05g", what="the destination's libvirtd and the guardian killed", when=RESUME, load=SMALL,
          play=play.guardian_killed_too, says=(*NOT_KNOWN, S.CONFIRMING), ends=S.DONE, guest=THERE),
    Fault(name="H06", what="the reply of Finish is lost", when=SWITCH, load=SMALL, play=play.finish_reply_lost,
          says=(*NOT_KNOWN, S.CONFIRMING), ends=S.DONE, guest=THERE, quick=True),
    Fault(name="H07", what="the destination's QEMU frozen for 8 s", when=COPYING,
          play=play.copying(play.destination_qemu_frozen), says=GOES_ON, ends=S.DONE, guest=THERE),
    Fault(name="H08", what="the destination's QEMU frozen", when=SWITCH, load=SMALL,
          play=play.destination_qemu_frozen_at_switch, ends=S.FAILED, guest=HERE, most_gap_s=5.0),
    Fault(name="H10", what="another tool aborts it", when=SWITCH, load=SMALL, play=play.aborted_outside_at_switch,
          ends=S.CANCELLED, guest=HERE),
    Fault(name="H11", what="the destination's link cut", when=SWITCH, load=SMALL, play=play.link_cut_at_switch,
          says=NOT_KNOWN, ends=S.FAILED, guest=HERE, most_gap_s=5.0),
    Fault(name="H15", what="it arrives paused", when="without a fault", load=SMALL, play=play.arrives_paused,
          says=(S.SWITCHING, S.CONFIRMING), ends=S.DONE, guest=THERE),
    Fault(name="H19", what="the two hosts lose one another", when=COPYING,
          play=play.copying(play.hosts_cut_from_one_another), ends=S.FAILED, guest=HERE, quick=True),
    Fault(name="H21", what="another manager asks for it too", when=COPYING, play=play.copying(play.asked_twice),
          says=GOES_ON, ends=S.DONE, guest=THERE),
    Fault(name="H22", what="H05 with a shared disk: the image lock holds", when=RESUME, load=SMALL | {"disk": True},
          play=play.daemon_killed_at(AT_RESUMED, "h2"), says=(*NOT_KNOWN, S.CONFIRMING), ends=S.DONE, guest=THERE),
    Fault(name="G01", what="somebody pauses it", when=POSTCOPY, play=play.in_postcopy(play.postcopy_paused_outside),
          says=HALF, ends=S.DONE, guest=THERE, quick=True),
    Fault(name="G03", what="the destination's QEMU killed", when=POSTCOPY,
          play=play.in_postcopy(play.qemu_killed("h2")), ends=S.LOST, guest=CRASHED, leftover=True),
    Fault(name="G04", what="the source's QEMU killed", when=POSTCOPY, play=play.in_postcopy(play.qemu_killed("h1")),
          ends=S.LOST, guest=CRASHED, leftover=True),
    Fault(name="G05", what="the source's libvirtd killed, back after 3 s", when=POSTCOPY,
          play=play.in_postcopy(play.daemon_restarted("h1")), says=(*NOT_KNOWN, *HALF), ends=S.DONE, guest=THERE),
    Fault(name="G06", what="the destination's libvirtd killed, back after 3 s", when=POSTCOPY,
          play=play.in_postcopy(play.daemon_restarted("h2")), says=(*NOT_KNOWN, *HALF), ends=S.DONE, guest=THERE),
    Fault(name="G07", what="SIGKILL to the worker", when=POSTCOPY,
          play=play.in_postcopy(play.worker_killed_in_postcopy), says=HALF, ends=S.DONE, guest=THERE),
    Fault(name="G09", what="the destination's link cut for 2 s", when=POSTCOPY,
          play=play.in_postcopy(play.link_cut(2)), says=(*NOT_KNOWN, *HALF), ends=S.DONE, guest=THERE),
    Fault(name="G11", what="the destination's link cut for 5 s", when=POSTCOPY,
          play=play.in_postcopy(play.link_cut(5)), says=(*NOT_KNOWN, *HALF), ends=S.DONE, guest=THERE),
)  # fmt: skip
