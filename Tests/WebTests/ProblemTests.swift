import GRDB
import HTTPTypes
import Kernel
import Payments
import Simulation
import Storage
import Testing

@testable import Web

/// What a refusal looks like, whatever was wrong.
@Suite struct ProblemTests {
    /// One request that is refused, sent with a key of scope `admin` unless `isKnown` is false.
    struct Refused: Sendable, CustomTestStringConvertible {
        let what: String
        var method: HTTPRequest.Method = .post
        var path: String = "/api/products"
        var body: String?
        var type: String = "application/json"
        var isKnown = true
        let status: Int
        let code: String
        var param: String?

        var testDescription: String { what }
    }

    static func body(_ what: String, _ body: String, _ code: String, _ param: String? = nil, path: String = "/api/products") -> Refused {
        Refused(what: what, path: path, body: body, status: 400, code: code, param: param)
    }

    static let price = #""price":{"amount":"1.00","currency":"USD"}"#

    static let bodies: [Refused] = [
        body("no JSON", "name=Tea", "invalid_json"),
        body("half a document", #"{"name":"Tea""#, "invalid_json"),
        body("two documents", #"{"name":"Tea"}{}"#, "invalid_json"),
        body("the same key twice", #"{"name":"Tea","name":"Cake",\#(price)}"#, "invalid_json"),
        body("nesting without end", String(repeating: "[", count: 40) + String(repeating: "]", count: 40), "invalid_json"),
        body("a list", "[]", "invalid_field"),
        body("an unknown field", #"{"name":"Tea",\#(price),"colour":"green"}"#, "unknown_field", "colour"),
        body("an unknown field inside", #"{"name":"Tea","price":{"amount":"1","currency":"USD","tax":"1"}}"#, "unknown_field", "price.tax"),
        body("a misspelt name", #"{"nam":"Tea",\#(price)}"#, "unknown_field", "nam"),
        body("no name", #"{\#(price)}"#, "missing_field", "name"),
        body("no price", #"{"name":"Tea"}"#, "missing_field", "price"),
        body("no currency", #"{"name":"Tea","price":{"amount":"1.00"}}"#, "missing_field", "price.currency"),
        body("an empty name", #"{"name":"",\#(price)}"#, "invalid_field", "name"),
        body("a number for a name", #"{"name":7,\#(price)}"#, "invalid_field", "name"),
        body("a control character", #"{"name":"Te\u0000a",\#(price)}"#, "invalid_field", "name"),
        body("an amount as a number", #"{"name":"Tea","price":{"amount":1.5,"currency":"USD"}}"#, "invalid_field", "price.amount"),
        body("too many places", #"{"name":"Tea","price":{"amount":"1.001","currency":"USD"}}"#, "invalid_amount", "price.amount"),
        body("nothing for a price", #"{"name":"Tea","price":{"amount":"0.00","currency":"USD"}}"#, "invalid_amount", "price.amount"),
        body("less than nothing", #"{"name":"Tea","price":{"amount":"-1.00","currency":"USD"}}"#, "invalid_amount", "price.amount"),
        body("a currency nobody knows", #"{"name":"Tea","price":{"amount":"1.00","currency":"XYZ"}}"#, "invalid_field", "price.currency"),
        body("half a unit of stock", #"{"name":"Tea",\#(price),"stock":0.5}"#, "invalid_field", "stock"),
        body("metadata that is no text", #"{"name":"Tea",\#(price),"metadata":{"a":1}}"#, "invalid_field", "metadata"),
        body("two prices", #"{"title":"Tea",\#(price),"open_amount":{}}"#, "invalid_field", "open_amount", path: "/api/payment-links"),
        body("a link of nothing", #"{}"#, "missing_field", "title", path: "/api/payment-links"),
        body(
            "a way on that runs a script", #"{"title":"Tea",\#(price),"success_url":"javascript:alert(1)"}"#, "invalid_field", "success_url",
            path: "/api/payment-links"),
        body(
            "an expiry in the past", #"{"title":"Tea",\#(price),"expires_at":"2020-01-01T00:00:00Z"}"#, "invalid_field", "expires_at",
            path: "/api/payment-links"),
        body("a scope nobody has", #"{"name":"a","scopes":["all"]}"#, "invalid_field", "scopes", path: "/api/api-keys"),
        body("an x402 body of nothing", "{}", "missing_field", "paymentPayload", path: "/verify"),
    ]

    static let others: [Refused] = [
        Refused(what: "no such address", method: .get, path: "/nope", status: 404, code: "not_found"),
        Refused(what: "no such product", method: .get, path: "/api/products/prod_1", status: 404, code: "product_not_found"),
        Refused(what: "no such link", method: .get, path: "/pay/none", status: 404, code: "link_not_found"),
        Refused(what: "no key", method: .get, isKnown: false, status: 401, code: "unauthenticated"),
        Refused(what: "a method it does not take", method: .put, status: 405, code: "method_not_allowed"),
        Refused(what: "a tunnel", method: .connect, path: "/health", isKnown: false, status: 405, code: "method_not_allowed"),
        Refused(what: "an echo", method: .trace, path: "/health", isKnown: false, status: 405, code: "method_not_allowed"),
        Refused(
            what: "a form for the API", body: "name=Tea", type: "application/x-www-form-urlencoded", status: 415, code: "unsupported_media_type"),
        Refused(what: "JSON for a form", path: "/admin/sign-in", body: "{}", status: 415, code: "unsupported_media_type"),
        Refused(what: "an unknown parameter", method: .get, path: "/api/products?colour=green", status: 400, code: "unknown_field", param: "colour"),
        Refused(
            what: "an unknown parameter of balances", method: .get, path: "/api/balances?limit=1", status: 400, code: "unknown_field",
            param: "limit"),
        Refused(what: "no token", method: .get, path: "/api/qr", isKnown: false, status: 400, code: "missing_field", param: "token"),
    ]

    @Test("a refusal is a problem document", arguments: bodies + others)
    func shape(_ refused: Refused) async throws {
        let fixture = try await CounterFixture()
        var headers: HTTPFields = [:]
        if refused.body != nil { headers[.contentType] = refused.type }
        let body: [UInt8]? = refused.body.map { Array($0.utf8) }
        let key: String? = refused.isKnown ? fixture.keys.admin : nil
        let answer = try await fixture.send(refused.method, refused.path, key: key, headers, body: body)
        #expect(answer.status == refused.status, "\(answer.text)")
        #expect(answer.headers[.contentType] == "application/problem+json")
        let json = try answer.json()
        var names = ["type", "title", "status", "code", "detail"]
        if refused.param != nil { names.append("param") }
        names += ["retryable", "request_id"]
        #expect(json.members?.map(\.key) == names)
        #expect(json["code"]?.text == refused.code)
        #expect(json["param"]?.text == refused.param)
        #expect(json["type"]?.text == "/docs/errors#" + refused.code)
        #expect(json["status"]?.integer == Int64(refused.status))
        #expect(json["retryable"]?.flag == false)
        #expect(json["request_id"]?.text == answer.headers[.requestID])
        #expect(json["detail"]?.text?.hasSuffix(".") == true || refused.status == 401)
        #expect(fixture.logged.lines.isEmpty, "a refusal is no failure of ours")
    }

    @Test("a person's browser gets the refusal as a page, but not from the API")
    func pages() async throws {
        let fixture = try await CounterFixture()
        let page = try await fixture.get("/nope", CounterFixture.browser)
        #expect(page.status == 404)
        #expect(page.headers[.contentType] == "text/html; charset=utf-8")
        #expect(page.text.contains("There is nothing at this address."))
        #expect(try await fixture.get("/api/nope", CounterFixture.browser).code == "not_found")
        #expect(try await fixture.get("/nope", [.accept: "text/html"]).code == "not_found", "no browser: curl, perhaps")
    }

    /// A request id as a client sent it, and whether it is kept.
    struct Named: Sendable {
        let id: String
        let isKept: Bool
    }

    static let named: [Named] = [
        Named(id: "abc-1_2.3", isKept: true), Named(id: String(repeating: "a", count: 128), isKept: true),
        Named(id: String(repeating: "a", count: 129), isKept: false), Named(id: "a b", isKept: false), Named(id: "<script>", isKept: false),
        Named(id: "a;b", isKept: false), Named(id: "", isKept: false),
    ]

    @Test("a sane request id is given back, another is replaced", arguments: named)
    func requestIDs(_ named: Named) async throws {
        let fixture = try await CounterFixture()
        for path in ["/health", "/nope", "/api/products"] {
            let answer = try await fixture.get(path, [.requestID: named.id])
            let id = try #require(answer.headers[.requestID])
            #expect(named.isKept ? id == named.id : id.hasPrefix("req_"), "\(path): \(id)")
        }
        let first = try await fixture.get("/health").headers[.requestID]
        let second = try await fixture.get("/health").headers[.requestID]
        #expect(first != second)
    }

    @Test("a 405 names what the address takes")
    func allowed() async throws {
        let fixture = try await CounterFixture()
        var taken: [String: [String]] = [:]
        for route in API.routes { taken[route.path, default: []].append(route.method.rawValue) }
        for (path, methods) in taken {
            let answer = try await fixture.send(.put, path)
            #expect(answer.status == 405, "\(path)")
            let expected = (methods + (methods.contains("GET") ? ["HEAD"] : []) + ["OPTIONS"]).sorted().joined(separator: ", ")
            #expect(answer.headers[.allow] == expected, "\(path)")
        }
    }

    @Test(
        "an answer to HEAD never has a body, and no length but GET's", arguments: ["/health", "/nope", "/verify", "/api/products", "/admin"])
    func head(_ path: String) async throws {
        let fixture = try await CounterFixture()
        let headers: HTTPFields = [.requestID: "one"]
        let head = try await fixture.send(.head, path, headers)
        #expect(head.body.isEmpty)
        let whole = try await fixture.get(path, headers)
        #expect(head.status == whole.status)
        let length = head.headers[.contentLength]
        #expect(length == nil || length == whole.headers[.contentLength], "a length of its own would mislead caches")
    }

    /// A route's largest body.
    struct Limit: Sendable {
        let path: String
        let type: String
        let bytes: Int
    }

    static let limits: [Limit] = [
        Limit(path: "/api/products", type: "application/json", bytes: 50_000),
        Limit(path: "/api/payment-links/none/deactivate", type: "application/json", bytes: 50_000),
        Limit(path: "/verify", type: "application/json", bytes: 65_536),
        Limit(path: "/x402/facilitator/settle", type: "application/json", bytes: 65_536),
        Limit(path: "/admin/sign-in", type: "application/x-www-form-urlencoded", bytes: 10_000),
        Limit(path: "/pay/none/test-wallet", type: "application/x-www-form-urlencoded", bytes: 10_000),
    ]

    @Test("a body may be so large and no larger", arguments: limits)
    func sizes(_ limit: Limit) async throws {
        let fixture = try await CounterFixture()
        let most = try await fixture.send(
            .post, limit.path, key: fixture.keys.admin, [.contentType: limit.type], body: [UInt8](repeating: 0x61, count: limit.bytes))
        #expect(most.status != 413)
        let more = try await fixture.send(
            .post, limit.path, key: fixture.keys.admin, [.contentType: limit.type], body: [UInt8](repeating: 0x61, count: limit.bytes + 1))
        #expect(more.status == 413)
        #expect(more.code == "body_too_large")
    }

    @Test("a type with a parameter, and none at all, are JSON")
    func types() async throws {
        let fixture = try await CounterFixture()
        let body = Array(#"{"name":"Tea",\#(Self.price)}"#.utf8)
        let given: [HTTPFields] = [[:], [.contentType: "application/json; charset=utf-8"], [.contentType: "Application/JSON"]]
        for headers in given {
            #expect(try await fixture.send(.post, "/api/products", key: fixture.keys.write, headers, body: body).status == 201)
        }
    }

    @Test("a failure of ours is logged whole, and told without its text")
    func failure() async throws {
        let fixture = try await CounterFixture()
        try await fixture.store.write { db in try db.execute(sql: "ALTER TABLE products RENAME TO mislaid") }
        let answer = try await fixture.get("/api/products", key: fixture.keys.read, [.requestID: "look-here"])
        #expect(answer.status == 500)
        #expect(answer.code == "internal_error")
        #expect(answer.headers[.retryAfter] == nil)
        for word in ["no such table", "SELECT", "SQLite", "DatabaseError"] { #expect(!answer.text.contains(word)) }
        let lines = fixture.logged.lines
        #expect(lines.contains { $0.contains("look-here") && $0.contains("no such table") }, "\(lines)")
    }

    @Test("a full disk refuses writes for now, and goes on reading")
    func fullDisk() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link()
        let product: JSON = ["name": "Tea", "price": ["amount": "1.00", "currency": "USD"]]
        fixture.simulated.disk.setFreeBytes(0)
        let refused = try await fixture.post("/api/products", product, key: fixture.keys.write, [.idempotencyKey: "k1"])
        #expect(refused.status == 503)
        #expect(refused.code == "disk_full")
        #expect(try refused.json()["retryable"]?.flag == true)
        #expect(refused.headers[.retryAfter] == "5")
        #expect(try await fixture.get("/api/products", key: fixture.keys.write).status == 200)
        #expect(try await fixture.get("/pay/" + link.token).status == 402)
        fixture.simulated.disk.setFreeBytes(1 << 40)
        #expect(try await fixture.post("/api/products", product, key: fixture.keys.write, [.idempotencyKey: "k1"]).status == 201)
    }
}
