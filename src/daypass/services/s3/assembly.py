"""Completing a multipart upload: which parts, in what order, and what they come to together."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from daypass.blobs import new_digest
from daypass.protocol.errors import ServiceError
from daypass.services.s3.checksums import (
    COMPOSITE,
    FULL_OBJECT,
    bad_checksum,
    etag_of_parts,
)
from daypass.services.s3.crc import combine
from daypass.services.s3.errors import invalid_request, malformed_xml
from daypass.store.buckets import Checksum, NewObject, Part, Segment, Upload

PART_BYTES: Final = 5 * 1024**2


@dataclass(frozen=True, slots=True)
class Assembly:
    """A request to complete an upload. members: its input. now: Unix seconds."""

    upload: Upload
    members: Mapping[str, Any]
    now: int

    def assemble(self, uploaded: Sequence[Part]) -> NewObject:
        """The object of the parts named. Raises S3's errors for parts that do not fit."""
        chosen = self._chosen(uploaded)
        size = sum(part.size for part in chosen)
        stated = self.members.get("MpuObjectSize")
        if stated is not None and int(stated) != size:
            raise invalid_request(
                f"The provided 'x-amz-mp-object-size' header value {stated} does not match what "
                f"was computed: {size}"
            )
        return NewObject(
            size=size,
            etag=etag_of_parts([part.etag for part in chosen]),
            modified=self.now,
            headers=self.upload.headers,
            metadata=self.upload.metadata,
            checksum=self._checksum(chosen),
            segments=[Segment(part.number, part.size, part.blob, part.checksum) for part in chosen],
            upload_id=self.upload.id,
        )

    def _chosen(self, uploaded: Sequence[Part]) -> Sequence[Part]:
        named = (self.members.get("MultipartUpload") or {}).get("Parts")
        if not named:
            raise malformed_xml()
        by_number = {part.number: part for part in uploaded}
        chosen: list[Part] = []
        for entry in named:
            number: int = entry["PartNumber"]
            if chosen and number <= chosen[-1].number:
                raise ServiceError(
                    "InvalidPartOrder",
                    "The list of parts was not in ascending order. Parts must be ordered by part "
                    "number.",
                    400,
                    fields={"UploadId": self.upload.id},
                )
            if chosen and chosen[-1].size < PART_BYTES:
                raise _too_small(chosen[-1])
            part = by_number.get(number)
            if part is None or entry.get("ETag", "").strip('"') != part.etag:
                raise self._invalid_part(entry)
            self._check_part(entry, part)
            chosen.append(part)
        return chosen

    def _check_part(self, entry: Mapping[str, Any], part: Part) -> None:
        algorithm = self.upload.algorithm
        if not algorithm or part.checksum is None:
            return
        stated = entry.get(f"Checksum{algorithm}")
        if stated is None:
            if self.upload.checksum_type == COMPOSITE:
                raise invalid_request(
                    f"The upload was created using a {algorithm.lower()} checksum. The complete "
                    "request must include the checksum for each part. It was missing for part "
                    f"{part.number} in the request."
                )
        elif stated != part.checksum.value:
            raise self._invalid_part(entry)

    def _checksum(self, chosen: Sequence[Part]) -> Checksum | None:
        """The object's checksum, compared with the one the request states."""
        algorithm, kind = self.upload.algorithm, self.upload.checksum_type
        asked = self.members.get("ChecksumType")
        if asked is not None and asked != (kind or asked):
            raise invalid_request(
                f"The upload was created using the {kind} checksum mode. The complete request "
                "must use the same checksum mode."
            )
        if not algorithm:
            return None
        values = [base64.b64decode(part.checksum.value) for part in chosen if part.checksum]
        if kind == FULL_OBJECT:
            whole = values[0]
            for value, part in zip(values[1:], chosen[1:], strict=True):
                whole = combine(algorithm, whole, value, part.size)
            text = base64.b64encode(whole).decode()
        else:
            digest = new_digest(algorithm.lower())
            digest.update(b"".join(values))
            text = f"{base64.b64encode(digest.digest()).decode()}-{len(values)}"
        stated = self.members.get(f"Checksum{algorithm}")
        if stated is not None and stated not in {text, text.partition("-")[0]}:
            raise bad_checksum(algorithm)
        return Checksum(algorithm, text, kind)

    def _invalid_part(self, entry: Mapping[str, Any]) -> ServiceError:
        return ServiceError(
            "InvalidPart",
            "One or more of the specified parts could not be found.  The part may not have been "
            "uploaded, or the specified entity tag may not match the part's entity tag.",
            400,
            fields={
                "UploadId": self.upload.id,
                "PartNumber": str(entry["PartNumber"]),
                "ETag": entry.get("ETag", "").strip('"'),
            },
        )


def _too_small(part: Part) -> ServiceError:
    return ServiceError(
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        400,
        fields={
            "ProposedSize": str(part.size),
            "MinSizeAllowed": str(PART_BYTES),
            "PartNumber": str(part.number),
            "ETag": part.etag,
        },
    )
