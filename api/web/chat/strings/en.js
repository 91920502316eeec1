// What the chat says, in English.

/** @param {string[]} names */
const listed = (names) => new Intl.ListFormat("en").format(names);

export default {
  locale: "en-GB",
  greeting: "What would you like to know?",
  introduction: "Every answer is a quote with its date and its source. Where a policy does not say, you are told.",
  /** @param {string[]} names */
  covers: (names) => `This chat covers ${listed(names)}.`,
  notice: "An automated system; it can miss a passage. No legal advice.",
  log: "Questions and answers",
  question: "Your question",
  placeholder: "Ask about a privacy policy",
  ask: "Ask",
  stop: "Stop",
  startOver: "Start over",
  startedOver: "All questions and answers are removed.",
  onItsOwn: "Your next question is asked on its own, without those before it.",
  suggestions: "Suggested questions",
  open: "Ask about our privacy policy",
  close: "Close",
  newTab: " (opens a new tab)",

  company: "Company",
  companies: "Companies",
  allCompanies: "All companies",
  clear: "Ask of all companies",
  noSuchCompany: "No such company here",
  notKnownYet: "The companies are not known yet",
  typeToFind: "More; type to find them",
  /** @param {string} day */
  asOf: (day) => `As of ${day}`,
  latest: "Ask the latest versions",

  reading: "Reading the policies",
  /** @param {string[]} names */
  readingOf: (names) => `Reading what ${listed(names)} say${names.length > 1 ? "" : "s"}`,
  youAsked: "You asked: ",
  /** @param {string[]} names */
  about: (names) => `about ${listed(names)}`,
  understood: "Understood as: ",
  change: "Change",
  more: "Ask more companies",
  copyLink: "Copy a link to this answer",
  copied: "Copied",
  notCopied: "Your browser does not let this page copy",
  contact: "Contact us",

  verdicts: { yes: "Yes", no: "No", depends: "It depends", not_stated: "Not stated", unclear: "Unclear", no_version: "No version is that old", unsupported_language: "Not in a language that is read", answered: "The policy says" },
  unclear: "The policy may not say. This comes closest:",
  /** @param {string} name */
  silent: (name) => `The policy of ${name} does not say.`,
  alsoSays: "It also says",
  answer: "Answer",
  whatItSays: "What the policy says",
  around: "The passage around it",
  nearest: "Nearest passages",
  others: "Other passages",
  /** @param {number} count @param {boolean} said */
  below: (count, said) => `${count} ${said ? "other" : "nearest"} passage${count > 1 ? "s" : ""} below.`,
  read: "Read it in the policy",
  /** @param {string} name */
  readOf: (name) => ` of ${name}`,
  snapshot: "original snapshot",
  cite: "Copy as a citation",
  /** @param {string} day */
  archived: (day) => `archived ${day}`,
  /** @param {string} day */
  effective: (day) => `effective ${day}`,
  undated: "undated",
  /** @param {string} age */
  old: (age) => `${age} old; it may have changed since`,
  matches: ["strong match", "good match", "weak match", "faint match"],
  /** @param {string} number */
  score: (number) => `score ${number} of 1`,

  /** @param {"yes" | "no" | "stated" | "silent"} seeks @param {number} matching @param {number} asked */
  counted: (seeks, matching, asked) => `${matching} of ${asked} companies ${{ yes: "say yes", no: "say no", stated: "say it", silent: "do not say it" }[seeks]}`,
  otherwise: "Something else",
  /** @param {string} question */
  askedEach: (question) => `Each was asked: “${question}”`,
  /** @param {number} asked @param {number} companies */
  incomplete: (asked, companies) => `Only ${asked} of ${companies} companies could be asked in time.`,

  outOfScope: "This is not a question about a privacy policy",
  tryInstead: "Ask what a company collects, shares, keeps or lets you decide.",
  /** @param {string} name */
  unknown: (name) => `No policy of ${name} is in this index`,
  didYouMean: "Did you mean",
  seeCompanies: "The list of companies shows whose policies are here.",

  tryAgain: "Try again",
  stopped: "Stopped",
  youStopped: "You stopped this question.",
  /** @param {string[]} names */
  nearestNames: (names) => `Nearest names: ${names.join(", ")}`,
  /** @param {string | null} seconds */
  again: (seconds) => (seconds ? `Ask again in ${seconds} second${seconds === "1" ? "" : "s"}.` : "Ask again in a moment."),
  failures: {
    offline: ["You are offline", "Your device has no connection. Your question is kept; try again once it is back."],
    slow: ["The server takes too long", "It did not answer within half a minute. Try again in a while."],
    rate: ["Too many questions in a short time", ""],
    busy: ["The server is busy", ""],
    unreached: ["The server cannot be reached", "Check the connection, and that the server runs; then try again."],
    blocked: ["This page does not let the chat ask", "The Content-Security-Policy of this page forbids it. Whoever runs the page adds the server to connect-src."],
    foreign: ["This page may not ask here", "The server runs, but does not answer pages of {origin}. Whoever runs it allows them with --origins, or makes a widget token for them."],
    "key-missing": ["This chat needs a token", "Whoever runs this page gives the chat a token made for its address."],
    "key-unknown": ["The token of this chat is not known", "It may have been revoked. Whoever runs this page gives the chat a new one."],
    "key-expired": ["The token of this chat has expired", "Whoever runs this page gives the chat a new one."],
    "foreign-origin": ["The token of this chat is for another page", "Whoever runs this page gives the chat a token made for {origin}."],
    refused: ["This chat may not ask here", "Whoever runs this page can give it a token made for its address."],
    older: ["The server is older than this chat", "It does not know what the chat asks for. Whoever runs it updates askpolicy."],
    status: ["The server answered with an error ({status})", "Try again in a while."],
    cut: ["The answer was cut off", "The connection broke while it came. Try again."],
    unreadable: ["The server's answer could not be read", "Try again; if it stays so, tell whoever runs the server."],
    nobody: ["None of these companies is here", "The index has no policy of {companies}. Whoever runs this page mends the companies of the chat."],
  },

  contents: "Contents",
  openingPolicy: "Opening the policy",
  /** @param {string} name */
  askAbout: (name) => `Ask what ${name} says`,
  noPolicy: ["There is no such policy here", "It may have been replaced by a newer version. Ask again to find it."],
  back: "Back to the questions",
};
