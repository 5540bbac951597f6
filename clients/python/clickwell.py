"""The client of clickwell 0.2.0, made by deno task clients. Changes here are lost."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Literal, Mapping, NotRequired, Optional, TypedDict, Union, cast
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen


class Row(TypedDict):
    """The raw fields of one row, as defined by the model in production."""

    offer_id: NotRequired[Union[str, float, None]]
    lead_uuid: NotRequired[Union[str, float, None]]
    requested: NotRequired[Union[float, None]]
    annual_income: NotRequired[Union[float, None]]
    apr: NotRequired[Union[float, None]]
    loan_purpose: NotRequired[Union[Literal["auto", "auto_refinance", "baby", "boat", "business", "credit_card_refi", "debt_consolidation", "home_improvement", "household_expenses", "large_purchases", "medical_dental", "moving_relocation", "other", "special_occasion", "student_loan", "taxes", "vacation", "wedding"], str, float, bool, None]]
    credit: NotRequired[Union[Literal["excellent", "fair", "good", "limited", "poor", "unknown"], str, float, bool, None]]
    lender_id: NotRequired[Union[Literal["12", "19", "23", "26", "27", "29", "30", "33", "4", "41", "48", "5", "52", "57", "63", "66", "7", "71", "74", "76", "8"], str, float, bool, None]]


class RowPart(TypedDict):
    """Some of the raw fields of one row; others are added to them."""

    offer_id: NotRequired[Union[str, float, None]]
    lead_uuid: NotRequired[Union[str, float, None]]
    requested: NotRequired[Union[float, None]]
    annual_income: NotRequired[Union[float, None]]
    apr: NotRequired[Union[float, None]]
    loan_purpose: NotRequired[Union[Literal["auto", "auto_refinance", "baby", "boat", "business", "credit_card_refi", "debt_consolidation", "home_improvement", "household_expenses", "large_purchases", "medical_dental", "moving_relocation", "other", "special_occasion", "student_loan", "taxes", "vacation", "wedding"], str, float, bool, None]]
    credit: NotRequired[Union[Literal["excellent", "fair", "good", "limited", "poor", "unknown"], str, float, bool, None]]
    lender_id: NotRequired[Union[Literal["12", "19", "23", "26", "27", "29", "30", "33", "4", "41", "48", "5", "52", "57", "63", "66", "7", "71", "74", "76", "8"], str, float, bool, None]]


class ProblemErrorsItem(TypedDict):
    pointer: str
    detail: str


class Problem(TypedDict):
    """RFC 9457: what went wrong, and how to fix it. Compare `type`; members may be added later."""

    type: Literal["urn:clickwell:problem:input-invalid", "urn:clickwell:problem:interval-missing", "urn:clickwell:problem:row-unknown", "urn:clickwell:problem:lookup-unindexed", "urn:clickwell:problem:examples-invalid", "urn:clickwell:problem:model-unknown", "urn:clickwell:problem:model-missing", "urn:clickwell:problem:assignment-conflict", "urn:clickwell:problem:assignment-missing", "urn:clickwell:problem:rollback-impossible", "urn:clickwell:problem:precondition-failed", "urn:clickwell:problem:alias-unknown", "urn:clickwell:problem:report-missing", "urn:clickwell:problem:model-unloaded", "urn:clickwell:problem:model-in-production", "urn:clickwell:problem:artifact-corrupt", "urn:clickwell:problem:artifacts-unavailable", "urn:clickwell:problem:unauthorized", "urn:clickwell:problem:forbidden", "urn:clickwell:problem:attempts-exceeded", "urn:clickwell:problem:host-invalid", "urn:clickwell:problem:target-invalid", "urn:clickwell:problem:target-oversized", "urn:clickwell:problem:route-unknown", "urn:clickwell:problem:method-invalid", "urn:clickwell:problem:media-type-invalid", "urn:clickwell:problem:body-malformed", "urn:clickwell:problem:body-oversized", "urn:clickwell:problem:body-late", "urn:clickwell:problem:server-busy", "urn:clickwell:problem:draining", "urn:clickwell:problem:store-missing", "urn:clickwell:problem:store-busy", "urn:clickwell:problem:store-unreachable", "urn:clickwell:problem:store-full", "urn:clickwell:problem:store-invalid", "urn:clickwell:problem:store-newer", "urn:clickwell:problem:store-older", "urn:clickwell:problem:thread-lost", "about:blank"]
    title: str
    status: int
    detail: str
    errors: NotRequired[List[ProblemErrorsItem]]
    request_id: str


class Field(TypedDict):
    """A raw field of the model in production."""

    name: str
    type: Literal["numeric", "categorical", "time"]
    nullable: bool
    level_count: NotRequired[int]
    levels: NotRequired[List[str]]


class Prediction(TypedDict):
    """The answer to a row."""

    probability: float
    unseen: NotRequired[List[str]]
    interval: NotRequired[Interval]
    explanation: NotRequired[Explanation]
    model_id: str
    version: int
    request_id: str


class Interval(TypedDict):
    """interval of the probability, from the covariance of the model's coefficients or resamples of its tables"""

    level: float
    low: float
    high: float


class Explanation(TypedDict):
    logit: Union[float, None]
    intercept: float
    contributions: Dict[str, Union[float, None]]
    network: NotRequired[Union[float, None]]
    calibration: NotRequired[Union[float, None]]


class RowAnswer(TypedDict):
    probability: float
    unseen: NotRequired[List[str]]
    interval: NotRequired[Interval]
    explanation: NotRequired[Explanation]


class RowErrorErrorErrorsItem(TypedDict):
    pointer: str
    detail: str


class RowErrorError(TypedDict):
    """a problem as of RFC 9457"""

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[List[RowErrorErrorErrorsItem]]


class RowError(TypedDict):
    index: int
    error: RowErrorError


class Assignment(TypedDict):
    """The model in production: when, by whom and why it was assigned."""

    model_id: str
    version: int
    assigned_at: str
    assigned_by: str
    reason: Union[str, None]
    assignment_id: int


class AssignmentRequest(TypedDict):
    """The model to put in production, and an optional condition."""

    model_id: Union[str, int]
    reason: NotRequired[str]
    expected_current: NotRequired[Union[str, int]]


class ChangeRequest(TypedDict):
    """The reason for changing the model in production, and an optional condition."""

    reason: NotRequired[str]
    expected_current: NotRequired[Union[str, int]]


class History(TypedDict):
    """Assignments, newest first."""

    history: List[Assignment]
    next: Union[str, None]


class Models(TypedDict):
    """All models, newest first."""

    models: List[Model]


class Model(TypedDict):
    """A registered model."""

    model_id: str
    version: int
    aliases: List[str]
    active: bool
    created_at: str
    hyper_parameters: Dict[str, Any]
    metrics: Dict[str, Any]
    checksum: str


class IndexAnswerModel(TypedDict):
    model_id: str
    version: int
    fields: List[Field]
    example: Union[Dict[str, Any], None]


class IndexAnswerRoutesItem(TypedDict):
    method: str
    path: str
    summary: str
    write: bool


class IndexAnswer(TypedDict):
    name: Literal["clickwell"]
    version: str
    model: Union[IndexAnswerModel, None]
    routes: List[IndexAnswerRoutesItem]


class OpenapiAnswer(TypedDict):
    openapi: str


class PredictBatchBody2(TypedDict):
    rows: List[Row]


class PredictBatchBody3(TypedDict):
    columns: Dict[str, List[Any]]


class PredictBatchAnswer2(TypedDict):
    rows: List[Union[RowAnswer, RowError]]
    model_id: str
    version: int
    request_id: str


class PredictBatchAnswer3Columns(TypedDict):
    """one value per row; null for a row that cannot be answered"""

    probability: List[Union[float, None]]
    interval: NotRequired[List[Union[Interval, None]]]
    explanation: NotRequired[List[Union[Explanation, None]]]


class PredictBatchAnswer3(TypedDict):
    columns: PredictBatchAnswer3Columns
    unseen: NotRequired[Dict[str, List[int]]]
    errors: NotRequired[List[RowError]]
    model_id: str
    version: int
    request_id: str


class PredictWhatIfBody(TypedDict):
    features: Row
    changes: List[RowPart]


class PredictWhatIfAnswerVariantsItem(TypedDict):
    changes: Dict[str, Any]
    probability: float
    unseen: NotRequired[List[str]]
    interval: NotRequired[Interval]
    explanation: NotRequired[Explanation]
    difference: float


class PredictWhatIfAnswer(TypedDict):
    base: RowAnswer
    variants: List[PredictWhatIfAnswerVariantsItem]
    model_id: str
    version: int
    request_id: str


class RankBody(TypedDict):
    lead: NotRequired[RowPart]
    offers: NotRequired[List[RowPart]]
    top: NotRequired[int]


class RankAnswerRankingItem(TypedDict):
    index: int
    probability: float
    unseen: NotRequired[List[str]]
    interval: NotRequired[Interval]
    explanation: NotRequired[Explanation]


class RankAnswer(TypedDict):
    ranking: List[RankAnswerRankingItem]
    offers: int
    errors: NotRequired[List[RowError]]
    model_id: str
    version: int
    request_id: str


class LiveAnswer(TypedDict):
    live: Literal[True]


class HealthAnswer(TypedDict):
    live: Literal[True]


class ReadyAnswer(TypedDict):
    ready: Literal[True]
    model_id: str
    version: int
    registry: NotRequired[Literal["unknown", "reachable", "unreachable"]]
    artifacts: NotRequired[Literal["reachable", "unreachable"]]


def _text(value: Any) -> str:
    """True is true in a query, as in JSON."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class ProblemError(Exception):
    """An error response of the server."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem["detail"])
        self.problem = problem


class Client:
    """The operations of the server. Each raises a ProblemError on an error response.

    origin: the URL of the server, as http://127.0.0.1:7999
    token: the admin token, for what changes the model in production
    timeout: seconds that a request may take
    """

    def __init__(self, origin: str, token: Optional[str] = None, timeout: float = 30.0) -> None:
        self._origin = origin.rstrip("/")
        self._token = token
        self._timeout = timeout

    def _send(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Optional[Mapping[str, Any]] = None,
        header: Optional[Mapping[str, Any]] = None,
    ) -> Any:
        given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        headers = {name: _text(value) for name, value in (header or {}).items() if value is not None}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None
        if body is not None:
            data = json.dumps(body, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        url = self._origin + path + (f"?{urlencode(given)}" if given else "")
        request = Request(url, data=data, headers=headers, method=method)
        try:
            with urlopen(request, timeout=self._timeout) as response:
                return json.load(response)
        except HTTPError as error:
            with error:
                if error.headers.get_content_type() != "application/problem+json":
                    raise
                raise ProblemError(cast(Problem, json.load(error))) from None

    def index(self) -> IndexAnswer:
        """the model, the routes and an example row; redirects browsers to /docs"""
        return cast(IndexAnswer, self._send("GET", "/"))

    def openapi(self) -> OpenapiAnswer:
        """this API as an OpenAPI document, with the fields of the model in production"""
        return cast(OpenapiAnswer, self._send("GET", "/openapi.json"))

    def predict(self, body: Row, *, explain: Optional[bool] = None, interval: Optional[float] = None) -> Prediction:
        """the raw fields of one row, or its key in the store → the probability that its label is 1"""
        return cast(Prediction, self._send("POST", "/predict", body=body, query={"explain": explain, "interval": interval}))

    def predict_batch(self, body: Union[List[Row], PredictBatchBody2, PredictBatchBody3], *, explain: Optional[bool] = None, interval: Optional[float] = None, strict: Optional[bool] = None) -> "Union[List[Union[RowAnswer, RowError]], PredictBatchAnswer2, PredictBatchAnswer3]":
        """many rows: an array, {"rows":[…]}, {"columns":{…}}, or newline-delimited JSON, streamed"""
        return cast("Union[List[Union[RowAnswer, RowError]], PredictBatchAnswer2, PredictBatchAnswer3]", self._send("POST", "/predict/batch", body=body, query={"explain": explain, "interval": interval, "strict": strict}))

    def predict_what_if(self, body: PredictWhatIfBody, *, explain: Optional[bool] = None, interval: Optional[float] = None) -> PredictWhatIfAnswer:
        """one row as sent and with changed fields: {"features":{…},"changes":[{…},…]}"""
        return cast(PredictWhatIfAnswer, self._send("POST", "/predict/what-if", body=body, query={"explain": explain, "interval": interval}))

    def rank(self, body: RankBody, *, explain: Optional[bool] = None, interval: Optional[float] = None, strict: Optional[bool] = None) -> RankAnswer:
        """one group and its rows → the rows by probability: {"lead":{…},"offers":[…],"top":k}"""
        return cast(RankAnswer, self._send("POST", "/rank", body=body, query={"explain": explain, "interval": interval, "strict": strict}))

    def get_model(self, *, at: Optional[str] = None) -> Assignment:
        """the model in production: id, version, when and by whom it was assigned; ?at=TIME for an earlier time"""
        return cast(Assignment, self._send("GET", "/model", query={"at": at}))

    def assign_model(self, body: AssignmentRequest, *, if_match: Optional[str] = None) -> Assignment:
        """put a model in production: {"model_id": …}; all later predictions use it"""
        return cast(Assignment, self._send("POST", "/model", body=body, header={"If-Match": if_match}))

    def roll_back_model(self, body: Optional[ChangeRequest] = None, *, if_match: Optional[str] = None) -> Assignment:
        """put the previous model back in production"""
        return cast(Assignment, self._send("POST", "/model/rollback", body=body, header={"If-Match": if_match}))

    def model_history(self, *, limit: Optional[int] = None, before: Optional[int] = None) -> History:
        """past and present assignments, newest first; ?limit=N, ?before=ASSIGNMENT_ID"""
        return cast(History, self._send("GET", "/model/history", query={"limit": limit, "before": before}))

    def list_models(self) -> Models:
        """all models, newest first"""
        return cast(Models, self._send("GET", "/models"))

    def show_model(self, id: str) -> Model:
        """one model, by its id, version or alias: hyper-parameters and metrics"""
        return cast(Model, self._send("GET", f"/models/{quote(id, safe='')}"))

    def set_alias(self, id: str, alias: str) -> Model:
        """point an alias at this model"""
        return cast(Model, self._send("PUT", f"/models/{quote(id, safe='')}/aliases/{quote(alias, safe='')}"))

    def remove_alias(self, id: str, alias: str) -> Model:
        """remove an alias from this model"""
        return cast(Model, self._send("DELETE", f"/models/{quote(id, safe='')}/aliases/{quote(alias, safe='')}"))

    def live(self) -> LiveAnswer:
        """200 while the process is running"""
        return cast(LiveAnswer, self._send("GET", "/livez"))

    def health(self) -> HealthAnswer:
        """same as /livez"""
        return cast(HealthAnswer, self._send("GET", "/healthz"))

    def ready(self) -> ReadyAnswer:
        """200 when ready to predict; 503 without a model and during shutdown"""
        return cast(ReadyAnswer, self._send("GET", "/readyz"))
