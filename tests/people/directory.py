"""A real slapd for tests: Debian's program, our configuration, our people, on a free port of loopback, over TLS."""

import shutil
import subprocess
import time
from pathlib import Path

import ldap

from tests.browser.serving import free_port

SLAPD = "/usr/sbin/slapd"
BASE = "dc=example,dc=com"
PASSWORD = "analytical-engine"

CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
database mdb
maxsize 10485760
suffix "{base}"
rootdn "cn=root,{base}"
rootpw secret-of-root
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=reader,{base}" read by * none
"""

ENTRIES = """
dn: {base}
objectClass: domain
dc: example

dn: cn=reader,{base}
objectClass: person
cn: reader
sn: reader
userPassword: reader-secret

dn: uid=ann,{base}
objectClass: inetOrgPerson
uid: ann
cn: Ann Example
givenName: Ann
sn: Example
mail: ann@example.com
userPassword: {password}

dn: uid=admin,{base}
objectClass: inetOrgPerson
uid: admin
cn: An administrator elsewhere
sn: Elsewhere
userPassword: {password}

dn: uid=star*,{base}
objectClass: inetOrgPerson
uid: star*
cn: Star
sn: Star
userPassword: {password}

dn: cn=vm-admins,{base}
objectClass: groupOfNames
cn: vm-admins
member: uid=ann,{base}

dn: cn=Operators,{base}
objectClass: groupOfNames
cn: Operators
member: uid=ann,{base}

dn: cn=others,{base}
objectClass: groupOfNames
cn: others
member: uid=admin,{base}
"""


class Directory:
    """One slapd. ``certificate`` is the file by which it is trusted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "server.pem"
        self.port = free_port()
        self.url = f"ldap://127.0.0.1:{self.port}"  # libldap takes “localhost” for the machine's own name

    def start(self) -> "Directory":
        (self.folder / "data").mkdir()
        _certificate(self.folder)
        settings = self.folder / "slapd.conf"
        settings.write_text(CONFIGURATION.format(folder=self.folder, base=BASE))
        entries = ENTRIES.format(base=BASE, password=PASSWORD)
        subprocess.run(["/usr/sbin/slapadd", "-f", settings], input=entries, text=True, check=True, capture_output=True)
        command = [SLAPD, "-f", str(settings), "-h", f"ldap://127.0.0.1:{self.port}", "-d", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._until_it_answers()
        return self

    def _until_it_answers(self) -> None:
        give_up = time.monotonic() + 60
        while True:
            try:
                ldap.initialize(self.url).simple_bind_s()
                return
            except ldap.SERVER_DOWN:
                assert self.process.poll() is None, "slapd has ended"
                assert time.monotonic() < give_up, "slapd does not answer"
                time.sleep(0.05)

    def change(self, dn: str, changes: list[tuple[int, str, list[bytes]]]) -> None:
        link = ldap.initialize(self.url)
        link.simple_bind_s(f"cn=root,{BASE}", "secret-of-root")
        link.modify_s(f"{dn},{BASE}", changes)
        link.unbind_s()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def is_there() -> bool:
    return shutil.which(SLAPD) is not None


def _certificate(folder: Path) -> None:
    names = ["-subj", "/CN=slapd of the tests", "-addext", "subjectAltName=IP:127.0.0.1"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(folder / "server.key"), "-out", str(folder / "server.pem")]
    subprocess.run(["openssl", "req", "-x509", *key, *names, *files], check=True, capture_output=True)
