"""The few calls of the Container Runtime Interface that pulling needs, by gRPC.

The messages are declared here with the field numbers of Kubernetes' cri-api
(pkg/apis/runtime/v1/api.proto); only the fields that are used.
"""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from registry_harness.errors import PullFailed
from registry_harness.registries.credentials import Credentials

_PACKAGE = "runtime.v1"
_IMAGES = "/runtime.v1.ImageService/"
_RUNTIME = "/runtime.v1.RuntimeService/"
_STRING = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_MESSAGE = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
_OPTIONAL = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL

_FIELDS: dict[str, list[tuple[str, int, str | None]]] = {
    "ImageSpec": [("image", 1, None)],
    "Image": [("id", 1, None)],
    "AuthConfig": [("username", 1, None), ("password", 2, None)],
    "PullImageRequest": [("image", 1, "ImageSpec"), ("auth", 2, "AuthConfig")],
    "PullImageResponse": [("image_ref", 1, None)],
    "RemoveImageRequest": [("image", 1, "ImageSpec")],
    "RemoveImageResponse": [],
    "ImageStatusRequest": [("image", 1, "ImageSpec")],
    "ImageStatusResponse": [("image", 1, "Image")],
    "ListImagesRequest": [],
    "ListImagesResponse": [],
    "VersionRequest": [("version", 1, None)],
    "VersionResponse": [("runtime_name", 2, None), ("runtime_version", 3, None)],
}


def _messages() -> dict[str, type[Any]]:
    file = descriptor_pb2.FileDescriptorProto(
        name="registry_harness/cri.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            message.field.add(
                name=field,
                number=number,
                label=_OPTIONAL,
                type=_STRING if kind is None else _MESSAGE,
                type_name=None if kind is None else f".{_PACKAGE}.{kind}",
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")
        )
        for name in _FIELDS
    }


_MESSAGES = _messages()


class Cri:
    """A connection to containerd's CRI.

    Args:
        socket: path of containerd's socket.
    """

    def __init__(self, socket: str) -> None:
        options = [
            ("grpc.default_authority", "localhost"),
            ("grpc.enable_http_proxy", 0),
        ]
        self._channel = grpc.insecure_channel(f"unix://{socket}", options=options)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def version(self) -> str:
        """Return the runtime's version.

        Raises:
            grpc.RpcError: CRI does not answer.
        """
        answer = self._call(_RUNTIME + "Version", "Version", {}, seconds=2)
        return str(answer.runtime_version)

    def is_ready(self) -> bool:
        """Whether CRI itself answers, not just the socket."""
        try:
            self.version()
            self._call(_IMAGES + "ListImages", "ListImages", {}, seconds=2)
        except grpc.RpcError:
            return False
        return True

    def pull(
        self,
        reference: str,
        seconds: float = 60,
        credentials: Credentials | None = None,
    ) -> str:
        """Pull an image as the kubelet does and return its identifier.

        Args:
            reference: the image's name.
            seconds: how long it may take.
            credentials: of a pull secret; None for those of containerd's own
                configuration.

        Raises:
            PullFailed: with containerd's own words.
        """
        fields = _image(reference)
        if credentials is not None:
            fields["auth"] = {
                "username": credentials.username,
                "password": credentials.password,
            }
        try:
            answer = self._call(_IMAGES + "PullImage", "PullImage", fields, seconds)
        except grpc.RpcError as error:
            raise PullFailed(error.details() or "", error.code().name) from error
        return str(answer.image_ref)

    def has_image(self, reference: str) -> bool:
        """Whether containerd has an image."""
        return bool(self.image(reference))

    def image(self, reference: str) -> str:
        """Return an image's identifier; empty where containerd has none."""
        answer = self._call(
            _IMAGES + "ImageStatus", "ImageStatus", _image(reference), 10
        )
        return str(answer.image.id)

    def remove(self, reference: str) -> None:
        """Make containerd forget an image."""
        self._call(_IMAGES + "RemoveImage", "RemoveImage", _image(reference), 10)

    def _call(
        self, method: str, name: str, fields: dict[str, Any], seconds: float
    ) -> Any:
        request = _MESSAGES[f"{name}Request"](**fields)
        call = self._channel.unary_unary(
            method,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=_MESSAGES[f"{name}Response"].FromString,
        )
        return call(request, timeout=seconds)


def _image(reference: str) -> dict[str, Any]:
    return {"image": {"image": reference}}
