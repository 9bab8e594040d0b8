"""The function publishes by TLS: to whom it trusts, on a connection that it keeps, and to nobody else."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from faults import Faults
from function import Function
from payloads import delivery, opened_group
from topic import Topic


class Authority:
    """An authority that vouches for servers."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self.root = directory / f"{name}.pem"
        self.root.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self._key, hashes.SHA256())

    def server(self, name: x509.GeneralName) -> ssl.SSLContext:
        """What a server of this name shows."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(x509.Name([]), key, x509.SubjectAlternativeName([name]))
        path = self._directory / "server.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_findings_are_published_on_one_connection(
    endpoint: str, topic: Topic, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    authority = Authority(tmp_path, "trusted")
    tls = authority.server(LOOPBACK)
    tls.minimum_version = tls.maximum_version = version
    with (
        Faults(endpoint, lambda *_: None, tls) as sns,
        Function(sns.endpoint, FINDINGS_TOPIC_ARN=topic.arn, SSL_CERT_FILE=str(authority.root)) as function,
    ):
        for _ in range(2):
            assert function.invoke(delivery(opened_group())).response["findings"] == 1
        assert sns.connections == 1
    assert len(topic.receive()) == 2


@pytest.mark.parametrize(
    ("authority", "name", "why"),
    [("another", LOOPBACK, "UnknownIssuer"), ("trusted", x509.DNSName("sns.example.org"), "not valid for name")],
)
def test_nothing_is_published_to_whom_the_certificate_does_not_name(
    endpoint: str, topic: Topic, tmp_path: Path, authority: str, name: x509.GeneralName, why: str
) -> None:
    authorities = {name: Authority(tmp_path, name) for name in ("trusted", "another")}
    asked = []
    with (
        Faults(endpoint, lambda *request: asked.append(request), authorities[authority].server(name)) as sns,
        Function(sns.endpoint, FINDINGS_TOPIC_ARN=topic.arn, SSL_CERT_FILE=str(authorities["trusted"].root)) as function,
    ):
        answer = function.invoke(delivery(opened_group()))
    assert answer.error_type == "PublishFailedRetryable"
    assert why in answer.body["errorMessage"]
    assert (asked, topic.receive()) == ([], [])


def test_missing_root_certificates_are_logged_and_no_matter_without_tls(endpoint: str, topic: Topic, tmp_path: Path) -> None:
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, SSL_CERT_FILE=str(tmp_path / "missing.pem")) as function:
        assert function.invoke(delivery(opened_group())).response["findings"] == 1
        warnings = [line["message"] for line in function.log() if line["level"] == "WARN"]
    assert any("missing.pem" in warning for warning in warnings), warnings
