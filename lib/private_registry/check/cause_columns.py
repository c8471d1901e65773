"""Kinds of causes: layers, families, and ways in which a cause is mended."""

from __future__ import annotations

import re
from enum import Enum
from functools import partial
from typing import Union

from private_registry.named_tuple import NamedTuple

_OF_WHO = re.compile(r"the (\w+) of \{who\}")


class Layer(Enum):
    """What is looked at, in this order.

    What comes after the first that fails is not reached.
    """

    FILES = "files"
    NAME = "name"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    API = "api"
    LOGIN = "login"
    MANIFEST = "manifest"


class Family(Enum):
    """Causes that look alike from outside: one may be the deeper reason of all."""

    HOSTS_TOML = "a hosts.toml, or its directory"
    NAMED_FILES = "a file that hosts.toml names"
    TEMPLATE = "containerd's configuration"
    NODE = "the node itself"
    NETWORK = "the way to the registry"
    PROTOCOL = "HTTP where HTTPS is expected, or the other way round"
    TRUST = "the server's certificate"
    CLIENT = "the client's certificate, or TLS that ends without a word about it"
    NO_LOGIN = "a login that is not there, or has no right"
    WRONG_LOGIN = "a login that is refused"
    PATH = "another path, or another service than a registry"
    ANSWER = "any other answer"
    IMAGE = "the image itself"


class Mend(Enum):
    """What mends a cause on the node; remedies.py has a maker for each."""

    ANEW = "what the addon writes, in place of what stands there"
    AS_HTTP = "the same registry, asked by plain HTTP"
    AS_HTTPS = "the same registry, asked by HTTPS"
    CA = "the registry with a CA"
    CA_FILE = "the CA file anew"
    CLIENT = "the registry with a client certificate"
    CLIENT_FILES = "the client certificate anew"
    LOGIN = "the registry with a login"
    RIGHT = "a login where there is none, else the registry's owner"
    LIMIT = "a login at Docker Hub, else the registry's owner"
    RUNS = "MicroK8s' own registry started, else the registry's owner"
    ADDRESS = "the right address of the registry"
    NAME = "a name that nodes know"
    LINE = "the line of the file, which only people can know"
    MOVED_PORT = "the directory HOST_PORT_ moved away"
    MOVED = "the directory HOST:PORT moved away"
    TEMPLATE = "containerd-template.toml, by hand"
    UNPACKING = "a setting of containerd's that unpacks in another way"
    ONE_OF_TWO = "one of two ways of configuration taken out"
    PROXY = "an exception from the proxy"
    CLOCK = "the node's clock"
    RESTART = "a restart of containerd"
    START = "a start of containerd"
    REFRESH = "a newer containerd"
    APPLY = "what is saved, applied"
    IMPORT = "an image brought by hand"
    PULLED_ANEW = "the image taken off the node, and pulled again"
    AS_PODS = "a pull as pods make it"
    IN_NAMESPACE = "the pull secret made in the pod's namespace"
    EVENTS = "a look at the events of the cluster"


class Row(NamedTuple):
    """All there is to know of a cause.

    Args:
        word: what machines get to see, and the anchor of its documentation; it stays.
        sentence: what is wrong, without a full stop; {who} is who was asked, {registry}
            whose images.
        mend: what mends it on the node; or who else mends it, and how, as a sentence
            that begins with whoever.
        layer: where it is noticed, mostly.
        family: what it looks like.
    """

    word: str
    sentence: str
    mend: Union[Mend, str]
    layer: Layer
    family: Family


def tree(word: str, sentence: str, mend: Union[Mend, str] = Mend.ANEW) -> Row:
    """Make a row of a directory of certs.d, mended by what the addon writes."""
    return Row(word, sentence, mend, Layer.FILES, Family.HOSTS_TOML)


def file(word: str, says: str, mend: Union[Mend, str] = Mend.ANEW) -> Row:
    """Make a row of a hosts.toml, its sentence from the verb on."""
    return tree(word, f"the hosts.toml of {{registry}} {says}", mend)


named = partial(Row, layer=Layer.FILES, family=Family.NAMED_FILES)
template = partial(Row, layer=Layer.FILES, family=Family.TEMPLATE)
node = partial(Row, layer=Layer.FILES, family=Family.NODE)
name = partial(Row, layer=Layer.NAME, family=Family.NETWORK)
tcp = partial(Row, layer=Layer.TCP, family=Family.NETWORK)
protocol = partial(Row, layer=Layer.TLS, family=Family.PROTOCOL)
trust = partial(Row, layer=Layer.TLS, family=Family.TRUST)
client = partial(Row, layer=Layer.TLS, family=Family.CLIENT)
path = partial(Row, layer=Layer.API, family=Family.PATH)
answer = partial(Row, layer=Layer.API, family=Family.ANSWER)
no_login = partial(Row, layer=Layer.LOGIN, family=Family.NO_LOGIN)
wrong_login = partial(Row, layer=Layer.LOGIN, family=Family.WRONG_LOGIN)
login = partial(Row, layer=Layer.LOGIN, family=Family.ANSWER)
image = partial(Row, layer=Layer.MANIFEST, family=Family.IMAGE)


def told(sentence: str, who: str = "", registry: str = "") -> str:
    """Put names into a sentence.

    Args:
        sentence: with {who} and {registry}.
        who: who was asked; empty where that is said before the sentence.
        registry: whose images are asked for; empty where that is not known.
    """
    if not who:
        sentence = _OF_WHO.sub(r"its \1", sentence.replace("at {who}", "there"))
    return sentence.format(who=who or "it", registry=registry or "the registry")
