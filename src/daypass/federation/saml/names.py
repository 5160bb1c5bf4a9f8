"""The names SAML, XML Signature and AWS give to things."""

from typing import Final

ASSERTION: Final = "{urn:oasis:names:tc:SAML:2.0:assertion}"
PROTOCOL: Final = "{urn:oasis:names:tc:SAML:2.0:protocol}"
METADATA: Final = "{urn:oasis:names:tc:SAML:2.0:metadata}"
SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}"
PROTOCOL_URI: Final = PROTOCOL.strip("{}")

SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
# What a name is of that says no format (SAML core, section 8.3.1).
UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
NAME_FORMATS: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:"

# Attributes whose meaning AWS defines begin with it.
AWS: Final = "https://aws.amazon.com/SAML/Attributes/"
AWS_AUDIENCE: Final = "urn:amazon:webservices"
