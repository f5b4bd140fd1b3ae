"""Debian's mosquitto on a port of its own, and an onlooker who keeps what it hears."""

import contextlib
import datetime
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_PATIENCE_S = 20


def program(name="mosquitto"):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
    assert path, f"{name} is missing: apt-get install mosquitto"
    return path


class Broker:
    """It forgets everything when it is stopped: nothing is kept on disk."""

    def __init__(self, folder, passwords=None, tls=False):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._config = Path(folder) / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "log_type error"]
        if passwords is None:
            lines.append("allow_anonymous true")
        else:
            path = Path(folder) / "passwords"
            path.write_text(passwords)
            subprocess.run([program("mosquitto_passwd"), "-U", path], check=True)
            path.chmod(0o644)
            lines.append(f"password_file {path}")
        if tls:
            self.certificate, key = _certificate(Path(folder))
            lines += [f"certfile {self.certificate}", f"keyfile {key}"]
        self._config.write_text("\n".join(lines) + "\n")
        self._process = None

    def start(self):
        self._process = subprocess.Popen(
            [program(), "-c", self._config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert self._process.poll() is None and time.monotonic() < deadline
            threading.Event().wait(0.01)

    def kill(self):
        if self._process:
            self._process.kill()
            self._process.wait(_PATIENCE_S)
            self._process = None


def _certificate(folder):
    """(certificate, key) for localhost that nobody but itself vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    begin = datetime.datetime(2020, 1, 1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin.replace(year=2120))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "broker.pem", folder / "broker.key"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


@contextlib.contextmanager
def running(passwords=None, tls=False):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # it gives up root's rights
        broker = Broker(folder, passwords, tls)
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()


class Onlooker:
    """Hears everything: `latest` by topic, `heard` in order as (topic, payload, retained)."""

    def __init__(self, port, **login):
        self.latest = {}
        self.heard = []
        self._news = threading.Condition()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        if login:
            self._client.username_pw_set(**login)
        self._client.reconnect_delay_set(0.02, 0.1)
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _hear(self, _client, _data, message):
        with self._news:
            self.latest[message.topic] = message.payload
            self.heard.append((message.topic, message.payload, message.retain))
            self._news.notify_all()

    def until(self, condition):
        """Wait until condition() holds; looked at whenever something comes."""
        with self._news:
            met = self._news.wait_for(condition, _PATIENCE_S)
        assert met, f"it never came; there is {sorted(self.latest)}"

    def json(self, topic):
        return json.loads(self.latest.get(topic, b"null"))

    def say(self, topic, payload, retain=False):
        self._client.publish(topic, payload, 1, retain).wait_for_publish(_PATIENCE_S)

    def forget(self):
        with self._news:
            self.latest.clear()
            self.heard.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()
