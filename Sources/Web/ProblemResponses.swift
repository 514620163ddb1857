import HTTPTypes
import Hummingbird
import Kernel
import Logging
import NIOCore
import Storage

extension Problem.Kind {
    /// The one place where a reason becomes a status.
    var status: HTTPResponse.Status {
        switch self {
        case .invalid: .badRequest
        case .unauthenticated: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .conflict: .conflict
        case .gone: .gone
        case .tooLarge: .contentTooLarge
        case .unsupportedMedia: .unsupportedMediaType
        case .unprocessable: .unprocessableContent
        case .limited: .tooManyRequests
        case .internalError: .internalServerError
        case .unavailable: .serviceUnavailable
        }
    }
}

extension Problem {
    /// RFC 9457.
    func document(requestID: String) -> JSON {
        var members: [JSON.Member] = [
            JSON.Member("type", .string("/docs/errors#" + code.name)), JSON.Member("title", .string(code.title)),
            JSON.Member("status", .integer(code.kind.status.code)), JSON.Member("code", .string(code.name)), JSON.Member("detail", .string(detail)),
        ]
        if let param { members.append(JSON.Member("param", .string(param))) }
        members.append(JSON.Member("retryable", .bool(code.retryable)))
        members.append(JSON.Member("request_id", .string(requestID)))
        return .object(members)
    }
}

/// Turns whatever a handler throws into a problem. With `Loop`, the only place that catches everything.
enum ProblemResponses {
    /// The problem that stands for `error`. What is not a refusal is logged whole, and its text is not shown.
    static func problem(for error: any Error, requestID: String, logger: Logger) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let failure as StoreFailure: return storeProblem(failure, requestID: requestID, logger: logger)
        case let error as HTTPError: return frameworkProblem(error)
        case is NIOTooManyBytesError: return Problem(.bodyTooLarge, "The body is larger than this route takes.")
        case is AmountOverflow: return Problem(.invalidAmount, "The amounts add up to more than Till can count.")
        default:
            logger.error("a request failed", metadata: ["request_id": "\(requestID)", "error": "\(error)"])
            return Problem(.internalError, "Something failed on our side. Quote the request id; asking again with the same key is safe.")
        }
    }

    private static func storeProblem(_ failure: StoreFailure, requestID: String, logger: Logger) -> Problem {
        logger.error("the database failed", metadata: ["request_id": "\(requestID)", "error": "\(failure)"])
        switch failure {
        case .diskFull: return Problem(.diskFull, "The disk has no room. Nothing was recorded; try again later.")
        case .unknownCommit: return Problem(.outcomeUnknown, "Whether this was recorded is not known. Ask again with the same key, or the same authorization.")
        case .stopped: return Problem(.stopping, "Till has stopped taking writes and restarts. Ask again with the same key, or the same authorization.")
        }
    }

    private static func frameworkProblem(_ error: HTTPError) -> Problem {
        switch error.status {
        case .notFound: Problem(.notFound, "There is nothing at this address.")
        case .contentTooLarge: Problem(.bodyTooLarge, "The body is larger than this route takes.")
        default: Problem(.invalidRequest, "The request cannot be read.")
        }
    }
}

extension Problem.Code {
    package static let bodyTooLarge = Self("body_too_large", .tooLarge, "The body is too large")
    package static let outcomeUnknown = Self("outcome_unknown", .internalError, "Whether it was recorded is not known", retryable: true)
    package static let stopping = Self("stopping", .unavailable, "Till is stopping", retryable: true)
    package static let methodNotAllowed = Self("method_not_allowed", .methodNotAllowed, "The route does not take this method")
    package static let unsupportedMedia = Self("unsupported_media_type", .unsupportedMedia, "The body is of a type this route does not take")
    package static let unauthenticated = Self("unauthenticated", .unauthenticated, "No valid API key came with the request")
    package static let forbidden = Self("forbidden", .forbidden, "This key may not do that")
    package static let formExpired = Self("form_expired", .forbidden, "The form is too old, or came from elsewhere")
}
