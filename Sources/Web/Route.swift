import Access
import HTTPTypes
import Kernel

/// One line of the product's table of contents.
///
/// The same value serves the route and describes it in the OpenAPI document, so
/// that the two cannot disagree.
struct Route: Sendable {
    /// Who may come in.
    enum Door: Sendable, Equatable {
        case open
        /// An API key with this scope.
        case key(Scope)
        /// Open or a key with scope `payments`, as the settings say.
        case facilitator
        /// A browser that has signed in; others are sent to the sign-in page.
        case session
    }

    /// What a request may carry.
    enum Carries: Sendable, Equatable {
        case nothing
        /// A JSON object of at most the API's limit, described by a schema.
        case json(JSON)
        /// An x402 body of at most its own limit.
        case x402(JSON)
        /// An HTML form.
        case form
    }

    /// One possible answer, for the OpenAPI document.
    struct Answer: Sendable {
        let status: Int
        let what: String
        /// Type and schema of the body; no body where there are none.
        let content: [(type: String, schema: JSON)]

        static func json(_ status: Int, _ what: String, _ schema: JSON) -> Answer {
            Answer(status: status, what: what, content: [("application/json", schema)])
        }
        static func text(_ status: Int, _ what: String, type: String) -> Answer {
            Answer(status: status, what: what, content: [(type, ["type": "string"])])
        }
    }

    /// A parameter of the query or a header, for the OpenAPI document.
    struct Parameter: Sendable {
        let name: String
        let place: String
        let what: String
        let schema: JSON
        let isRequired: Bool

        static func query(_ name: String, _ what: String, _ schema: JSON, isRequired: Bool = false) -> Parameter {
            Parameter(name: name, place: "query", what: what, schema: schema, isRequired: isRequired)
        }
        static func header(_ name: String, _ what: String) -> Parameter {
            Parameter(name: name, place: "header", what: what, schema: Schema.text, isRequired: false)
        }
        static let list: [Parameter] = [
            .query("limit", "Items at most", ["type": "integer", "minimum": 1, "maximum": 100, "default": 20]),
            .query("cursor", "The next_cursor of the page before", Schema.text),
        ]
    }

    typealias Handler = @Sendable (Counter) -> @Sendable (Call) async throws -> Reply

    let method: HTTPRequest.Method
    /// Such as `/api/products/{id}`.
    let path: String
    let door: Door
    let carries: Carries
    /// What it is for, or nil where the OpenAPI document leaves it out (pages, assets).
    let summary: String?
    let parameters: [Parameter]
    let answers: [Answer]
    let handler: Handler

    init(
        _ method: HTTPRequest.Method, _ path: String, _ door: Door, _ summary: String?, carries: Carries = .nothing,
        parameters: [Parameter] = [], answers: [Answer] = [], _ handler: @escaping Handler
    ) {
        self.method = method
        self.path = path
        self.door = door
        self.carries = carries
        self.summary = summary
        self.parameters = parameters
        self.answers = answers
        self.handler = handler
    }

    /// A page or an asset: served, and no part of the API's description.
    init(_ method: HTTPRequest.Method, _ path: String, _ door: Door, carries: Carries = .nothing, _ handler: @escaping Handler) {
        self.init(method, path, door, nil, carries: carries, parameters: [], answers: [], handler)
    }

    /// Whether a repeated request can be recognised: changes asked for with a key.
    var takesIdempotencyKey: Bool {
        if case .key = door { return method == .post }
        return false
    }
}
