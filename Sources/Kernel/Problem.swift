/// A refusal the caller can act on. The one error type that crosses the API.
///
/// Anything else that is thrown is our own failure: it is logged whole and the
/// caller sees `internal_error` with a request id, never its text.
package struct Problem: Error, Sendable, Equatable {
    package let code: Code
    /// What is wrong with this request, and what to do, in a sentence or two for
    /// the person reading it. No secrets.
    package let detail: String
    /// The offending field or parameter, such as `price.amount`, when there is one.
    package let param: String?

    package init(_ code: Code, _ detail: String, param: String? = nil) {
        self.code = code
        self.detail = detail
        self.param = param
    }

    /// A stable, documented reason. Declared beside the feature that refuses.
    package struct Code: Sendable, Hashable {
        package let name: String
        package let title: String
        package let kind: Kind
        /// Whether the same request may succeed later, unchanged.
        package let retryable: Bool
        package init(_ name: String, _ kind: Kind, _ title: String, retryable: Bool = false) {
            self.name = name
            self.title = title
            self.kind = kind
            self.retryable = retryable
        }
    }

    /// Whose turn it is to do something. `Web` turns this into the status; nothing else does.
    package enum Kind: Sendable, CaseIterable {
        case invalid, unauthenticated, forbidden, notFound, methodNotAllowed, conflict, gone, tooLarge, unsupportedMedia
        case unprocessable, limited, internalError, unavailable
    }
}

extension Problem.Code {
    package static let invalidRequest = Self("invalid_request", .invalid, "The request cannot be read")
    package static let invalidJSON = Self("invalid_json", .invalid, "The body is not JSON that Till accepts")
    package static let unknownField = Self("unknown_field", .invalid, "The request has a field Till does not know")
    package static let missingField = Self("missing_field", .invalid, "A required field is missing")
    package static let invalidField = Self("invalid_field", .invalid, "A field has a value that cannot be used")
    package static let notFound = Self("not_found", .notFound, "There is no such thing")
    package static let internalError = Self("internal_error", .internalError, "Something failed on our side", retryable: true)
}
