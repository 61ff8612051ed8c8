"""A mail server of aiosmtpd, until its standard input ends. Argument: settings as JSON. Prints its port, then each letter as a line of JSON."""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

settings = json.loads(sys.argv[1])


def say(value):
    print(json.dumps(value), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in settings["refused"]:
            return "550 5.1.1 there is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if settings["busy"]:
            return "451 4.3.2 come again later"
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        say(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "login": session.auth_data.decode() if isinstance(session.auth_data, bytes) else None,
                "isTls": session.ssl is not None or settings["security"] == "tls",
                "headers": [[name.lower(), str(value)] for name, value in letter.items()],
                "parts": sum(1 for _ in letter.walk()),
                "type": letter.get_content_type(),
                "text": letter.get_content(),
                "raw": envelope.content.decode("latin-1"),
            }
        )
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    is_right = isinstance(data, LoginPassword) and [data.login.decode(), data.password.decode()] == settings["login"]
    return AuthResult(success=is_right, handled=False, auth_data=data.login if is_right else None)


async def main():
    context = None
    if settings["security"] != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings["cert"], settings["key"])
    is_starttls = settings["security"] == "starttls"

    def factory():
        return SMTP(
            Handler(),
            hostname="localhost",
            tls_context=context if is_starttls else None,
            require_starttls=is_starttls,
            authenticator=authenticate,
            auth_required=settings["login"] is not None,
            auth_require_tls=is_starttls,
        )

    server = await asyncio.get_running_loop().create_server(
        factory, "127.0.0.1", 0, ssl=context if settings["security"] == "tls" else None
    )
    say(server.sockets[0].getsockname()[1])
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
