import Access
import Goods
import HTTPTypes
import Kernel
import Payments
import Storage
import Webhooks

/// Every code that a problem can have: `docs/errors.md` is made of it.
package enum ErrorsPage {
    /// One line a code. A test holds that none declared in the sources is missing here.
    package static let codes: [Problem.Code] = [
        .invalidRequest, .invalidJSON, .unknownField, .missingField, .invalidField, .invalidAmount, .notFound, .internalError,
        .overloaded, .diskFull, .idempotencyKeyReused, .invalidIdempotencyKey,
        .apiKeyNotFound, .nameTaken, .weakPassword, .setupCodeInvalid,
        .productNotFound, .outOfStock,
        .invalidCursor,
        .linkNotFound, .linkExpired, .linkInactive, .linkUsedUp, .notPayable, .paymentNotFound, .networkUnavailable, .paymentRefunded,
        .bodyTooLarge, .outcomeUnknown, .stopping, .methodNotAllowed, .unsupportedMedia, .unauthenticated, .forbidden, .formExpired,
    ]

    package static var markdown: String {
        let rows = codes.sorted { $0.name < $1.name }.map { code in
            "| <a id=\"\(code.name)\"></a>`\(code.name)` | \(code.kind.status.code) | \(code.retryable ? "yes" : "no") | \(code.title) |"
        }
        return """
            # Errors

            Every refusal is an RFC 9457 problem document (`application/problem+json`) with a stable `code`. `retryable` says whether the
            same request may succeed later, unchanged. This page is generated: `till schema --docs docs` writes it.

            | code | status | retryable | what it means |
            |---|---|---|---|
            \(rows.joined(separator: "\n"))

            """
    }
}
