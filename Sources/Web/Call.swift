import Access
import Foundation
import GRDB
import HTTPTypes
import Hummingbird
import Kernel
import Storage
import Webhooks

/// One request as a handler sees it: read, bounded and authenticated already.
struct Call: Sendable {
    let requestID: String
    /// Asked without a body to come back: then nothing may be sold.
    let isHead: Bool
    let headers: HTTPFields
    /// The text after `?`, raw.
    let query: Query
    let parameters: Parameters
    let body: [UInt8]
    /// Who asks; nil on open routes.
    let principal: Principal?
    /// The session, on routes of the admin page.
    let session: Session?
    let claim: IdempotencyClaim?

    /// The part of the path called `name`. The route table says that it is there.
    func part(_ name: String) -> String { parameters.get(name) ?? "" }

    /// Who asks, on routes that only somebody known reaches.
    var asker: Principal {
        guard let principal else { preconditionFailure("this route lets nobody unknown in") }
        return principal
    }

    /// The body as a JSON object, to be read field by field.
    func fields() throws -> Fields { try Fields(body.isEmpty ? .object([]) : JSON.read(body)) }

    /// The body as an HTML form's fields.
    func form() throws -> [String: String] {
        do {
            return try URLEncodedFormDecoder().decode([String: String].self, from: String(decoding: body, as: UTF8.self))
        } catch {
            throw Problem(.invalidRequest, "The form cannot be read.")
        }
    }

    var isBrowser: Bool { headers.isBrowser }

    var wantsHTML: Bool { headers[.accept]?.contains("text/html") ?? false }
}

/// The query of a URL: names in their order, values decoded.
struct Query: Sendable {
    private let items: [(name: String, value: String)]

    /// Empty parts are dropped; a name that comes twice counts once, the first time.
    init(_ text: String?) {
        items = (text ?? "").split(separator: "&").map { part in
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decode = { (text: Substring) in text.replacing("+", with: " ").removingPercentEncoding ?? String(text) }
            return (decode(sides[0]), sides.count == 2 ? decode(sides[1]) : "")
        }
    }

    subscript(_ name: String) -> String? { items.first { $0.name == name }?.value }

    /// Refuses names that nothing asks for: most are typing errors.
    func allow(_ names: Set<String>) throws {
        guard let stray = items.first(where: { !names.contains($0.name) }) else { return }
        throw Problem(
            .unknownField, "\(stray.name) is not a parameter of this request. It has: \(names.isEmpty ? "none" : names.sorted().joined(separator: ", ")).", param: stray.name)
    }

    func integer(_ name: String, _ range: ClosedRange<Int>) throws -> Int? {
        guard let text = self[name] else { return nil }
        guard let value = Int(text), range.contains(value), text.allSatisfy(\.isNumber) else {
            throw Problem(.invalidField, "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound).", param: name)
        }
        return value
    }

    /// `limit` and `cursor` of a list.
    ///
    /// - Parameter prefix: Of the ids in the list: another list's cursor is none of this one's.
    func page(of prefix: IDPrefix) throws -> PageRequest {
        let cursor = self["cursor"]
        if let cursor, IDs.time(of: cursor) == nil || !cursor.hasPrefix(prefix.rawValue + "_") {
            throw Problem(.invalidCursor, "cursor must be the next_cursor of an earlier page of this list.", param: "cursor")
        }
        return PageRequest(limit: try integer("limit", 1...100) ?? 20, before: cursor)
    }
}

/// What a handler answers.
struct Reply: Sendable {
    enum Body: Sendable {
        case none
        case json(JSON)
        /// JSON that is written already.
        case encoded([UInt8])
        case html(String)
        case bytes([UInt8], type: String)
    }

    var status: HTTPResponse.Status = .ok
    var body: Body = .none
    var headers = HTTPFields()

    static func json(_ json: JSON, status: HTTPResponse.Status = .ok) -> Reply { Reply(status: status, body: .json(json)) }
    static func html(_ html: String, status: HTTPResponse.Status = .ok) -> Reply { Reply(status: status, body: .html(html)) }
    static func redirect(to path: String) -> Reply {
        var reply = Reply(status: .seeOther)
        reply.headers[.location] = path
        return reply
    }

    /// A list's page, in the one shape all lists have.
    static func page<Item>(_ page: Page<Item>, _ json: (Item) -> JSON) -> Reply {
        .json(["data": .array(page.items.map(json)), "next_cursor": .text(page.next)])
    }
}

extension Counter {
    /// Runs a change once for its `Idempotency-Key`, and answers as it did then.
    func once(_ call: Call, status: HTTPResponse.Status = .created, _ effect: @escaping @Sendable (Database) throws -> JSON) async throws -> Reply {
        let code = status.code
        let answer = try await store.write(once: call.claim, sealedBy: dataKey, world: world) { db in
            StoredAnswer(status: code, body: try effect(db).bytes)
        }
        var reply = Reply(status: .init(code: answer.status), body: .encoded(answer.body))
        if answer.isReplay { reply.headers[.idempotentReplayed] = "true" }
        return reply
    }
}

extension HTTPFields {
    /// Whether a person's browser asks: it can show HTML, and says so.
    var isBrowser: Bool { (self[.accept]?.contains("text/html") ?? false) && (self[.userAgent]?.contains("Mozilla") ?? false) }
}

extension HTTPField.Name {
    private static func named(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is no field name") }
        return name
    }
    static let idempotencyKey = named("Idempotency-Key")
    static let idempotentReplayed = named("Idempotent-Replayed")
    static let requestID = named("X-Request-Id")
    static let apiKey = named("X-Api-Key")
    static let paymentRequired = named("PAYMENT-REQUIRED")
    static let paymentSignature = named("PAYMENT-SIGNATURE")
    static let paymentResponse = named("PAYMENT-RESPONSE")
    static let v1Payment = named("X-PAYMENT")
    static let v1PaymentResponse = named("X-PAYMENT-RESPONSE")
    /// The version of the JSON API. It changes when a client would have to.
    static let apiVersion = named("API-Version")
    static let contentTypeOptions = named("X-Content-Type-Options")
    static let frameOptions = named("X-Frame-Options")
    static let referrerPolicy = named("Referrer-Policy")
    static let openerPolicy = named("Cross-Origin-Opener-Policy")
}
