"""A server process for tests, in plain Python: it answers `echo`, and does what the other methods say.

Run as a file; needs nothing but the standard library, so it starts quickly.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time


def say(**members: object) -> None:
    print(json.dumps({"jsonrpc": "2.0", **members}), flush=True)


def do(id_: object, method: str, params: dict[str, object]) -> None:
    if method == "echo":
        say(id=id_, result=params)
    elif method == "environment":
        say(id=id_, result=dict(os.environ))
    elif method == "where":
        say(id=id_, result=[os.getcwd(), os.getpid(), os.getsid(0), os.getpgid(0)])
    elif method == "exit":
        print("the last words", file=sys.stderr, flush=True)
        sys.exit(int(str(params["code"])))
    elif method == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif method == "answer_and_exit":
        say(id=id_, result="done")
        os._exit(0)
    elif method == "half":
        sys.stdout.write('{"jsonrpc":"2.0","id":' + json.dumps(id_) + ',"resu')
        sys.stdout.flush()
        os._exit(4)
    elif method == "close_output":
        os.close(1)
        time.sleep(60)
    elif method == "noise":
        sys.stderr.write("n" * 100_000 + "\nthe end of the noise\n")
        sys.stderr.flush()
        say(id=id_, result=None)
    elif method == "grandchild":  # holds every pipe open, ignores TERM when told
        code = "import signal,time;signal.signal(15,signal.SIG_IGN);print('up',flush=True);time.sleep(60)"
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        say(id=id_, result=child.pid)
        if params.get("leave"):
            os._exit(5)
    elif method == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say(id=id_, result=os.getpid())
        time.sleep(60)
    elif method == "deaf":
        say(id=id_, result=os.getpid())
        time.sleep(60)
    elif method == "big":
        say(id=id_, result="x" * int(str(params["size"])))


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("method") != "silent":
            do(message.get("id"), message.get("method", ""), message.get("params", {}))


main()
