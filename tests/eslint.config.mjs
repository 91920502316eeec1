// What ESLint asks of the chat; types are checked by tsc (jsconfig.json). Run from the checkout's root, see test_web_code.py.

import js from "@eslint/js";
import globals from "globals";

// Ways to make HTML of a text: what the server sends is only ever set as text.
const HTML = ["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "write", "createContextualFragment"];

export default [
  js.configs.recommended,
  {
    languageOptions: { globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      complexity: ["error", 12],
      eqeqeq: "error",
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", 60],
      "max-params": ["error", 4],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-param-reassign": "error",
      "no-restricted-properties": ["error", ...HTML.map((property) => ({ property, message: "Set text, or make elements." }))],
      "no-shadow": "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
];
