// <askpolicy-chat>: ask what privacy policies say, and read the passages that say so.
// <askpolicy-policy>: a whole policy, with the passage that answered marked.
//
// One tag on any page: <script type="module" src="https://SERVER/widget.js"></script><askpolicy-chat></askpolicy-chat>
// Attributes: server (another server than this file's), companies (ids or names, by commas), theme (light or dark), lang (en, de,
// fr, es), greeting, token (a widget token), contact (an address, where an answer does not help), launcher (a button that opens
// the chat; "start": at the other side), open, page (it is the page: the address tells the question, links open here).
// Events: askpolicy-ask, -answer, -fail, -contact (can be cancelled), -open, -close.

import { AskPolicyChat } from "./element.js";
import { AskPolicyPolicy } from "./policy.js";

// a page may hold the script twice
if (!customElements.get("askpolicy-chat")) customElements.define("askpolicy-chat", AskPolicyChat);
if (!customElements.get("askpolicy-policy")) customElements.define("askpolicy-policy", AskPolicyPolicy);
