"""A service provider's verdict on one SAMLResponse, by python3-onelogin-saml2.

Reads a JSON object from stdin and writes one: accepted, name, format, and why not.
"""

import json
import sys
import time

from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.constants import OneLogin_Saml2_Constants
from onelogin.saml2.utils import OneLogin_Saml2_Utils

asked = json.load(sys.stdin)

# As strict as it goes: no allowance for clocks, and a clock that can be put forward.
OneLogin_Saml2_Constants.ALLOWED_CLOCK_DRIFT = 0
OneLogin_Saml2_Utils.now = staticmethod(lambda: int(time.time()) + asked["later"])

host = asked["acs"].removeprefix("https://").split("/")[0]
request = {
    "https": "on",
    "http_host": host,
    "script_name": asked["acs"].removeprefix("https://" + host),
    "get_data": {},
    "post_data": {"SAMLResponse": asked["response"]},
}
settings = {
    "strict": True,
    "sp": {
        "entityId": asked["audience"],
        "assertionConsumerService": {"url": asked["acs"]},
        "NameIDFormat": asked["format"],
    },
    "idp": {
        "entityId": asked["issuer"],
        "singleSignOnService": {"url": "https://idp.example/sso"},
        "x509cert": asked["certificate"],
    },
    "security": {
        "wantAssertionsSigned": True,
        "wantNameId": True,
        "wantAttributeStatement": False,
        "rejectDeprecatedAlgorithm": True,
        "rejectUnsolicitedResponsesWithInResponseTo": True,
    },
}
auth = OneLogin_Saml2_Auth(request, settings)
auth.process_response()
json.dump(
    {
        "accepted": auth.is_authenticated(),
        "name": auth.get_nameid() or "",
        "format": auth.get_nameid_format() or "",
        "ends": auth.get_session_expiration() or 0,
        "why": auth.get_last_error_reason() or "",
    },
    sys.stdout,
)
