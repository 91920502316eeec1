"""Real requests and responses over the sample policies, for the OpenAPI document; a test holds them to the files."""

from typing import Any

_URL = "https://web.archive.org/web/20150320040234id_/https%3A//www.jivochat.com/privacy"
_COMPANY = {"id": "jivochat.com", "name": "JivoChat"}
_POLICY = {
    "id": "jivochat.com--privacy-policy--2015-03-20",
    "title": "Privacy Policy",
    "type": "Privacy Policy",
    "scope": None,
    "language": "en",
    "archived_on": "2015-03-20",
    "effective_on": "2014-10-17",
    "source_url": _URL,
    "path": "index/sample/004_442ca016cb6ce53e.txt",
    "licence": None,
    "attribution": None,
}
_BEFORE = (
    "In the event of a change of control of JIVOSITE (such as through a merger, sale, assignment or liquidation of the "
    "business entity, or any of its properties, assets or equity) or, in the event of a direct or indirect sale of any "
    "of its publishing properties and/or its Web sites, personal information of users of the affected Web sites in our "
    "possession will be transferred to the new owner/successor."
)
_EVIDENCE = "We are not obligated to notify Web site users of any such transaction."
_DAYS = "archived 2015-03-20, effective 2014-10-17"
_AFTER = (
    "You may always change or delete your information or opt out by contacting us as provided below, or if the "
    "acquirer posts a new Privacy Policy with new contact information, you may change or delete your information or "
    "opt out by following any new instructions that are posted."
)
PASSAGE: dict[str, Any] = {
    "rank": 1,
    "score": 0.87,
    "passage_id": "jivochat.com--privacy-policy--2015-03-20:8515-9262",
    "text": f"{_BEFORE} {_EVIDENCE} {_AFTER}",
    "segments": [
        {"text": _BEFORE, "evidence": False},
        {"text": _EVIDENCE, "evidence": True},
        {"text": _AFTER, "evidence": False},
    ],
    "lead_in": None,
    "heading": "Legal Matters",
    "start": 8515,
    "end": 9262,
    "evidence": [{"start": 8916, "end": 8986, "text": _EVIDENCE}],
    "quotation": _EVIDENCE,
    "company": _COMPANY,
    "policy": _POLICY,
}

ASK: dict[str, Any] = {"question": "does JivoChat notify me on acquisition?"}
ASK_FOLLOW_UP: dict[str, Any] = {
    "question": "what does Mailigen say?",
    "companies": [],
    "k": 3,
    "history": ["does JivoChat notify me on acquisition?"],
}
ANSWER: dict[str, Any] = {
    "question": "does JivoChat notify me on acquisition?",
    "standalone_question": "does JivoChat notify me on acquisition?",
    "outcome": "answered",
    "answer": f"No. “{_EVIDENCE}” — JivoChat, Privacy Policy, “Legal Matters”, {_DAYS}",
    "companies": [_COMPANY | {"matched": "JivoChat"}],
    "unknown_companies": [],
    "verdicts": [
        {
            "company": _COMPANY,
            "outcome": "answered",
            "verdict": "no",
            "probability": 0.87,
            "quotes": [
                {
                    "passage_id": "jivochat.com--privacy-policy--2015-03-20:8515-9262",
                    "start": 8916,
                    "end": 8986,
                    "text": _EVIDENCE,
                }
            ],
            "quotations": [
                {
                    "text": _EVIDENCE,
                    "pieces": [_EVIDENCE],
                    "passage_id": "jivochat.com--privacy-policy--2015-03-20:8515-9262",
                    "start": 8515,
                    "end": 9262,
                    "heading": "Legal Matters",
                    "policy": _POLICY,
                    "spans": [{"start": 8916, "end": 8986, "text": _EVIDENCE}],
                }
            ],
        }
    ],
    "parts": [],
    "passages": [PASSAGE],
    "calibrated": True,
    "next_offset": None,
    "index_version": "20261121T235421494951-7d2b48e7",
    "took_ms": 4.1,
}
SEARCH: dict[str, Any] = {"question": "acquisition", "companies": ["jivochat.com"], "k": 1}
HITS: dict[str, Any] = {
    "hits": [PASSAGE],
    "companies": [],
    "unknown_companies": [],
    "calibrated": True,
    "index_version": "20261121T235421494951-7d2b48e7",
}
COMPANIES: dict[str, Any] = {
    "companies": [
        {
            "id": "jivochat.com",
            "name": "JivoChat",
            "aliases": ["JivoSite, Inc.", "JivoSite"],
            "domains": ["jivochat.com"],
            "policies": [_POLICY],
        }
    ],
    "next": None,
    "index_version": "20261121T235421494951-7d2b48e7",
}
POLICY: dict[str, Any] = {
    **_POLICY,
    "company": _COMPANY,
    "text": f"... \n\n{_BEFORE} {_EVIDENCE} {_AFTER}\n\n ...",
    "headings": [{"text": "Legal Matters.", "level": 3, "start": 7754, "end": 7768}],
    "blocks": [
        {
            "kind": "heading",
            "level": 3,
            "start": 7754,
            "end": 7768,
            "segments": [{"text": "Legal Matters.", "evidence": False}],
        }
    ],
    "index_version": "20261121T235421494951-7d2b48e7",
}
