"""Does in a running LibreOffice what it is told line by line on its input:

new | open URL | type TEXT | text | save | saveas URL | close | quit

and answers each line with "done" and what there is to tell, or "failed" and why."""
import sys
import time

import uno
from com.sun.star.beans import PropertyValue

local = uno.getComponentContext()
resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)


def connect(pipe):
    deadline = time.monotonic() + 90
    while True:
        try:
            return resolver.resolve("uno:pipe,name=%s;urp;StarOffice.ComponentContext" % pipe)
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


remote = connect(sys.argv[1])
desktop = remote.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", remote)
hidden = PropertyValue()
hidden.Name, hidden.Value = "Hidden", True
document = None


def do(verb, what):
    global document
    if verb == "new":
        document = desktop.loadComponentFromURL("private:factory/swriter", "_blank", 0, (hidden,))
    elif verb == "open":
        document = desktop.loadComponentFromURL(what, "_blank", 0, (hidden,))
        return "read-only" if document.isReadonly() else "writable"
    elif verb == "type":
        document.Text.insertString(document.Text.End, what, False)
    elif verb == "text":
        return document.Text.String
    elif verb == "save":
        document.store()
    elif verb == "saveas":
        document.storeAsURL(what, ())
    elif verb == "close":
        document.close(True)
    elif verb == "quit":
        desktop.terminate()
    return ""


for line in sys.stdin:
    verb, _, what = line.rstrip("\n").partition(" ")
    try:
        print("done", do(verb, what), flush=True)
    except Exception as why:
        print("failed", repr(why), flush=True)
