import Goods
import HTTPTypes
import Kernel
import Payments
import Rails
import Simulation
import Testing

@testable import Web

/// The API's description: whole, consistent, and true of what is answered.
@Suite struct OpenAPITests {
    static let document = OpenAPI.document(version: "1.2.3", server: "https://till.example")

    /// One operation of the document.
    struct Operation: Sendable {
        let path: String
        let method: String
        let json: JSON
    }

    static let operations: [Operation] = findOperations()

    private static func findOperations() -> [Operation] {
        var found: [Operation] = []
        for path in document["paths"]?.members ?? [] {
            for method in path.value.members ?? [] { found.append(Operation(path: path.key, method: method.key, json: method.value)) }
        }
        return found
    }

    static func operation(_ method: String, _ path: String) throws -> Operation {
        try #require(operations.first { $0.method == method && $0.path == path }, "\(method) \(path) is not described")
    }

    @Test("the document says what it is")
    func head() {
        #expect(Self.document["openapi"]?.text == "3.1.0")
        #expect(Self.document["info"]?["version"]?.text == "1.2.3")
        #expect(Self.document["servers"]?.items?.first?["url"]?.text == "https://till.example")
    }

    @Test("every route of the API is described, and nothing else")
    func isComplete() {
        let described = Self.operations.map { $0.method.uppercased() + " " + $0.path }
        let routes = API.routes.filter { $0.summary != nil }
        #expect(described.sorted() == routes.map { $0.method.rawValue + " " + $0.path }.sorted())
        for route in API.routes where route.summary == nil {
            #expect(!route.path.hasPrefix("/api"), "\(route.path) is part of the API")
        }
        for operation in Self.operations {
            #expect(operation.json["summary"]?.text?.isEmpty == false)
            #expect(operation.json["responses"]?["default"]?["content"]?["application/problem+json"]?.members != nil, "\(operation.path)")
            let answers = operation.json["responses"]?.members?.filter { $0.key != "default" } ?? []
            #expect(!answers.isEmpty, "\(operation.method) \(operation.path) answers something")
        }
    }

    @Test("operations have names of their own")
    func names() {
        let names = Self.operations.compactMap { $0.json["operationId"]?.text }
        #expect(names.count == Self.operations.count)
        #expect(Set(names).count == names.count)
    }

    @Test("every part of a path is a parameter, and no parameter comes twice")
    func parameters() {
        for operation in Self.operations {
            let parameters = operation.json["parameters"]?.items ?? []
            let inPath = parameters.filter { $0["in"]?.text == "path" }
            let parts: [String] = operation.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
            #expect(inPath.compactMap { $0["name"]?.text } == parts, "\(operation.path)")
            #expect(inPath.allSatisfy { $0["required"]?.flag == true })
            let names = parameters.compactMap { (parameter: JSON) -> String? in
                guard let name = parameter["name"]?.text, let place = parameter["in"]?.text else { return nil }
                return place + ":" + name
            }
            #expect(names.count == parameters.count && Set(names).count == names.count, "\(operation.path)")
            #expect(parameters.allSatisfy { $0["schema"]?.members != nil })
        }
    }

    @Test("a change asked for with a key may be named, and says so")
    func idempotency() {
        for operation in Self.operations {
            let isNamed = operation.json["parameters"]?.items?.contains { $0["name"]?.text == "Idempotency-Key" } ?? false
            let route = API.routes.first { $0.path == operation.path && $0.method.rawValue == operation.method.uppercased() }
            #expect(isNamed == route?.takesIdempotencyKey, "\(operation.method) \(operation.path)")
            #expect(isNamed == (operation.method == "post" && (operation.path.hasPrefix("/api"))), "\(operation.method) \(operation.path)")
        }
    }

    /// Every `$ref` below a value.
    static func references(in json: JSON) -> [String] {
        if let members = json.members {
            return members.flatMap { (member: JSON.Member) -> [String] in
                if member.key == "$ref", let target = member.value.text { return [target] }
                return references(in: member.value)
            }
        }
        return (json.items ?? []).flatMap { references(in: $0) }
    }

    @Test("every reference leads to a component, and every security scheme is one")
    func references() {
        let found = Set(Self.references(in: Self.document))
        #expect(!found.isEmpty)
        for reference in found {
            let parts = reference.split(separator: "/").map(String.init)
            #expect(parts.first == "#")
            var place: JSON? = Self.document
            for part in parts.dropFirst() { place = place?[part] }
            #expect(place?.members != nil, "\(reference) leads nowhere")
        }
        let schemes = Set(Self.document["components"]?["securitySchemes"]?.members?.map(\.key) ?? [])
        for operation in Self.operations {
            for choice in operation.json["security"]?.items ?? [] {
                for member in choice.members ?? [] { #expect(schemes.contains(member.key), "\(operation.path)") }
            }
        }
    }

    /// What an answer has that its operation's description does not allow.
    static func faults(_ answer: Answered, _ operation: Operation) throws -> [String] {
        let what = "\(operation.method) \(operation.path)"
        let type = String((answer.headers[.contentType] ?? "").prefix { $0 != ";" })
        let described = operation.json["responses"]?[String(answer.status)]?["content"]?[type]?["schema"]
        guard let schema = described else { return ["\(what) does not describe \(answer.status) \(type): \(answer.text)"] }
        guard type == "application/json" else { return [] }
        return SchemaCheck.faults(try answer.json(), schema, at: what)
    }

    /// A shop where every list has something in it.
    private func stocked() async throws -> CounterFixture {
        let fixture = try await CounterFixture { $0.parts = { [(name: "database", state: "ok")] } }
        let product = try await fixture.product(stock: 5)
        _ = try await fixture.sell(try await fixture.link(to: product), nonce: 1)
        let end = fixture.simulated.time.now() + .seconds(1_000)
        let link = try await fixture.link { draft in
            draft.price = .open(min: Amount(100, .usd), max: Amount(500, .usd))
            draft.maxUses = 5
            draft.expiresAt = end
            draft.successURL = "https://shop.example/thanks"
            draft.metadata = ["order": "7"]
        }
        _ = try await fixture.sell(link, nonce: 2)
        return fixture
    }

    @Test("every list answers as it is described")
    func lists() async throws {
        let fixture = try await stocked()
        var checked = 0
        for operation in Self.operations where operation.method == "get" && !operation.path.contains("{") && operation.path != "/api/qr" {
            let answer = try await fixture.get(operation.path, key: fixture.keys.admin)
            #expect(answer.status == 200, "\(operation.path)")
            #expect(try Self.faults(answer, operation) == [])
            if operation.path.hasPrefix("/api") { #expect(try answer.items().isEmpty == false, "\(operation.path) is empty: nothing was checked") }
            checked += 1
        }
        #expect(checked >= 15)
    }

    @Test("one object answers as it is described")
    func objects() async throws {
        let fixture = try await stocked()
        for path in ["/api/products", "/api/payment-links", "/api/payments"] {
            let ids = try await fixture.get(path, key: fixture.keys.read).ids()
            #expect(!ids.isEmpty)
            for id in ids {
                let answer = try await fixture.get(path + "/" + id, key: fixture.keys.read)
                #expect(try Self.faults(answer, Self.operation("get", path + "/{id}")) == [])
            }
        }
    }

    /// A change, and the operation that describes it.
    struct Change: Sendable {
        let method: HTTPRequest.Method
        let path: String
        let described: String
        let body: JSON
        let status: Int
    }

    @Test("every change answers as it is described")
    func changes() async throws {
        let fixture = try await CounterFixture { $0.facilitatorIsOpen = true }
        let product = try await fixture.product()
        let link = try await fixture.link()
        let made = try await fixture.post("/api/api-keys", ["name": "till", "scopes": ["read"]], key: fixture.keys.admin)
        #expect(try Self.faults(made, Self.operation("post", "/api/api-keys")) == [])
        let keyID = try #require(try made.json()["id"]?.text)
        let payment = try await fixture.signed("/pay/" + link.token)
        let requirements = try #require(payment.accepted)
        let asked: JSON = ["x402Version": 2, "paymentPayload": payment.json, "paymentRequirements": requirements.json]
        let refused: JSON = ["x402Version": 2, "paymentPayload": [:], "paymentRequirements": [:]]
        let price: JSON = ["amount": "1.00", "currency": "USD"]
        let changes: [Change] = [
            Change(method: .post, path: "/api/products", described: "/api/products", body: ["name": "Tea", "price": price], status: 201),
            Change(method: .patch, path: "/api/products/" + product.id, described: "/api/products/{id}", body: ["stock": 2], status: 200),
            Change(method: .post, path: "/api/payment-links", described: "/api/payment-links", body: ["title": "Tea", "price": price], status: 201),
            Change(
                method: .post, path: "/api/payment-links/\(link.id)/deactivate", described: "/api/payment-links/{id}/deactivate", body: [:],
                status: 200),
            Change(method: .delete, path: "/api/api-keys/" + keyID, described: "/api/api-keys/{id}", body: [:], status: 200),
            Change(method: .post, path: "/verify", described: "/verify", body: asked, status: 200),
            Change(method: .post, path: "/verify", described: "/verify", body: refused, status: 200),
            Change(method: .post, path: "/settle", described: "/settle", body: asked, status: 200),
            Change(method: .post, path: "/settle", described: "/settle", body: asked, status: 200),
            Change(method: .post, path: "/settle", described: "/settle", body: refused, status: 200),
        ]
        for change in changes {
            let answer = try await fixture.send(
                change.method, change.path, key: fixture.keys.admin, [.contentType: "application/json"], body: change.body.bytes)
            #expect(answer.status == change.status, "\(change.path): \(answer.text)")
            let operation = try Self.operation(change.method.rawValue.lowercased(), change.described)
            #expect(try Self.faults(answer, operation) == [])
        }
    }

    @Test("a link answers as it is described, paid or not")
    func pay() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link()
        let path = "/pay/" + link.token
        let operation = try Self.operation("get", "/pay/{token}")
        let payment = try await fixture.signed(path)
        let answers: [Answered] = [
            try await fixture.get(path), try await fixture.get(path, CounterFixture.browser), try await fixture.pay(path, with: payment),
        ]
        #expect(answers.map(\.status) == [402, 200, 200])
        for answer in answers { #expect(try Self.faults(answer, operation) == []) }
        let id = try #require(try answers[2].json()["payment_id"]?.text)
        let status = try await fixture.get("\(path)/status?payment=\(id)")
        #expect(try Self.faults(status, Self.operation("get", "/pay/{token}/status")) == [])
        for format in ["svg", "png"] {
            let code = try await fixture.get("/api/qr?token=\(link.token)&format=\(format)")
            #expect(try Self.faults(code, Self.operation("get", "/api/qr")) == [])
        }
    }

    @Test("a problem is as its schema says")
    func problems() async throws {
        let fixture = try await CounterFixture()
        let schema = try #require(Self.document["components"]?["schemas"]?["Problem"])
        let answers: [Answered] = [
            try await fixture.get("/nope"), try await fixture.get("/api/products"),
            try await fixture.get("/api/products?limit=0", key: fixture.keys.read),
        ]
        for answer in answers { #expect(try SchemaCheck.faults(answer.json(), schema) == []) }
    }

    @Test("the served document is this one, with the machine's own address")
    func served() async throws {
        let fixture = try await CounterFixture { $0.version = "9.9.9" }
        let answer = try await fixture.get("/openapi.json")
        #expect(try answer.json() == OpenAPI.document(version: "9.9.9", server: CounterFixture.publicURL))
    }

    @Test("the checker finds what does not fit")
    func checker() {
        let schema: JSON = [
            "type": "object", "required": ["id"],
            "properties": [
                "id": ["type": "string", "pattern": "^a"], "kind": ["enum": ["x"]], "at": ["anyOf": [["type": "integer"], ["type": "null"]]],
            ],
        ]
        let right: [JSON] = [["id": "ab"], ["id": "a", "kind": "x", "at": nil], ["id": "a", "at": 7]]
        for value in right { #expect(SchemaCheck.faults(value, schema) == []) }
        let wrong: [JSON] = [[], [:], ["id": 1], ["id": "b"], ["id": "a", "kind": "y"], ["id": "a", "at": "7"], ["id": "a", "more": true]]
        for value in wrong { #expect(!SchemaCheck.faults(value, schema).isEmpty, "\(value.compact)") }
    }
}
