"""Everything that a person can cause to go wrong, as one tree. It does not know HTTP.

AskPolicyError
├── PolicyError             a file that cannot become a policy
│   ├── UnreadablePolicy    missing, a folder, or forbidden
│   ├── NotText             binary, or not UTF-8
│   ├── DamagedPolicy       cut short, unsafe to unpack, more than can be read, or not of the format that it claims
│   ├── LockedPolicy        it opens with a password only
│   ├── ScannedPolicy       pages of it are pictures, without their text
│   ├── EmptyPolicy         nothing in it that could answer
│   ├── NoPolicy            a log-in page, a list of countries, a README
│   ├── HistoryError        an archive of histories, or a part of it, that cannot be read
│   └── SidecarError        a sidecar that says something impossible
├── FetchError              an address whose document is not stored
│   ├── FetchRefused        we may not or will not store it
│   └── FetchFailed         it could not be had
├── CompaniesFileError      a `companies.toml` that says something impossible
├── IndexFolderError        a folder that cannot serve as an index
│   ├── IndexMissing        no index there
│   ├── IndexCorrupt        a file is damaged, cut short or foreign
│   ├── IndexOutdated       built by a release that made other search terms
│   ├── ModelMismatch       built with another model
│   └── IndexBusy           another process is writing it
├── ArchiveError            an exported index that is cut short, altered or foreign
├── ModelError              an embedding model that is missing or not the pinned one
├── NothingToIndex          no policy among the paths given
├── BadQuestion             empty, too long, or not text
├── BadK                    k out of range
├── BadPage                 the end of a page that there is not
├── BadChecklist            no such checklist, or a file of one that says something impossible
├── DeadlineExceeded        no answer by the time that the caller set
├── UnknownCompany          a company given by name that is not in the index
└── UnknownPolicy           a policy id that is not in the index
"""


class AskPolicyError(Exception):
    """What a person caused; the message says what was got, what was expected and what to do."""


class PolicyError(AskPolicyError):
    """A file that cannot become a policy; the other files are indexed without it."""


class UnreadablePolicy(PolicyError):
    """The file is missing, is no regular file, or may not be read."""


class NotText(PolicyError):
    """The file is binary or is not encoded as UTF-8."""


class DamagedPolicy(PolicyError):
    """The file cannot be read as its format: cut short, unsafe to unpack, nested too deep, or too much to read."""


class LockedPolicy(PolicyError):
    """The file opens with a password only."""


class ScannedPolicy(PolicyError):
    """Pages of the file are pictures of text: they have no words to index."""


class EmptyPolicy(PolicyError):
    """The file has no paragraph that could answer a question."""


class NoPolicy(PolicyError):
    """The file holds words, but no policy: a log-in page, an extraction that failed, a file about the files."""


class HistoryError(PolicyError):
    """An archive of histories, or a part of it, that is missing, damaged, unsafe or no archive."""


class SidecarError(PolicyError):
    """The sidecar of a policy's file is not TOML, or has a field that cannot be."""


class FetchError(AskPolicyError):
    """An address whose document is not stored; the others are."""


class FetchRefused(FetchError):
    """The address, its host or its robots.txt forbid it, or what is there cannot be a policy."""


class FetchFailed(FetchError):
    """No answer, an error of the server, or an answer that is too slow or damaged."""


class CompaniesFileError(AskPolicyError):
    """A `companies.toml` that is not TOML, or whose entries have the wrong shape."""


class IndexFolderError(AskPolicyError):
    """A folder that cannot serve as an index."""


class IndexMissing(IndexFolderError):
    """There is no index in the folder."""


class IndexCorrupt(IndexFolderError):
    """A file of the index is missing, damaged, cut short, or no index of ours."""


class IndexOutdated(IndexFolderError):
    """The index was built with another thesaurus: its search terms are not those of a question now."""


class ModelMismatch(IndexFolderError):
    """The index was built with another model than the one that would read it."""


class IndexBusy(IndexFolderError):
    """Another process is building in the same folder."""


class ArchiveError(AskPolicyError):
    """An archive of an index that is cut short or altered, or was not exported by us."""


class ModelError(AskPolicyError):
    """An embedding model that is missing, or is not the pinned one."""


class NothingToIndex(AskPolicyError):
    """No readable policy was found among the paths given."""


class BadQuestion(AskPolicyError):
    """A question that is empty, too long or not text."""


class BadK(AskPolicyError):
    """A number of hits that is out of range."""


class BadPage(AskPolicyError):
    """The end of a page, to ask for the next, that no page has."""


class BadChecklist(AskPolicyError):
    """A checklist that does not ship, or a file of one that is not TOML or has an entry of the wrong shape."""


class DeadlineExceeded(AskPolicyError):
    """There was no answer by the time that the caller set."""

    def __init__(self) -> None:
        super().__init__("there was no answer by the deadline; ask again, or allow more time")


class UnknownCompany(AskPolicyError):
    """A company was given by id, name, alias or domain, and the index has none such."""

    def __init__(self, name: str, nearest: list[str]) -> None:
        self.name = name
        self.nearest = nearest
        hint = (
            f"did you mean {', '.join(nearest)}?"
            if nearest
            else "`askpolicy companies` lists them, and GET /v1/companies"
        )
        super().__init__(f"no company {name!r} in this index: {hint}")


class UnknownPolicy(AskPolicyError):
    """A policy id that is not in the index."""
