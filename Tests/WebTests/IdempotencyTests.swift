import HTTPTypes
import Kernel
import Payments
import Testing

@testable import Web

/// Asking twice acts once, for whoever names the request.
@Suite struct IdempotencyTests {
    static let product: JSON = ["name": "Tea", "price": ["amount": "1.00", "currency": "USD"]]
    static let link: JSON = ["title": "Tea", "price": ["amount": "1.00", "currency": "USD"]]

    private func ask(_ path: String, _ body: JSON, _ name: String, key: String, _ fixture: CounterFixture) async throws -> Answered {
        try await fixture.post(path, body, key: key, [.idempotencyKey: name])
    }

    @Test("the same request gets the same answer, and says that it does")
    func replays() async throws {
        let fixture = try await CounterFixture()
        let requests: [(path: String, body: JSON)] = [
            (path: "/api/products", body: Self.product), (path: "/api/payment-links", body: Self.link),
            (path: "/api/api-keys", body: ["name": "once", "scopes": ["read"]]),
        ]
        for request in requests {
            let first = try await ask(request.path, request.body, "k1", key: fixture.keys.admin, fixture)
            let second = try await ask(request.path, request.body, "k1", key: fixture.keys.admin, fixture)
            #expect(first.status == 201 && second.status == 201, "\(first.text)")
            #expect(first.headers[.idempotentReplayed] == nil)
            #expect(second.headers[.idempotentReplayed] == "true")
            #expect(first.body == second.body, "the secret of a key included")
            #expect(second.headers[.contentType] == "application/json")
        }
        #expect(try await fixture.count("SELECT count(*) FROM products") == 1)
        #expect(try await fixture.count("SELECT count(*) FROM payment_links") == 1)
        #expect(try await fixture.count("SELECT count(*) FROM api_keys WHERE name = 'once'") == 1)
    }

    @Test("a change without a body is one, too")
    func deactivates() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link()
        let path = "/api/payment-links/" + link.id + "/deactivate"
        let first = try await fixture.send(.post, path, key: fixture.keys.write, [.idempotencyKey: "k1"])
        let second = try await fixture.send(.post, path, key: fixture.keys.write, [.idempotencyKey: "k1"])
        #expect(first.status == 200 && second.status == 200)
        #expect(first.body == second.body)
        #expect(second.headers[.idempotentReplayed] == "true")
    }

    @Test("another body under the same name is refused")
    func reused() async throws {
        let fixture = try await CounterFixture()
        _ = try await ask("/api/payment-links", Self.link, "k1", key: fixture.keys.write, fixture)
        let other: JSON = ["title": "Cake", "price": ["amount": "1.00", "currency": "USD"]]
        let refused = try await ask("/api/payment-links", other, "k1", key: fixture.keys.write, fixture)
        #expect(refused.status == 422)
        #expect(refused.code == "idempotency_key_reused")
        #expect(try await fixture.count("SELECT count(*) FROM payment_links") == 1)
    }

    @Test("a refusal is not kept: the mended request may have the name")
    func mended() async throws {
        let fixture = try await CounterFixture()
        let refused = try await ask("/api/payment-links", ["product_id": "prod_1"], "k1", key: fixture.keys.write, fixture)
        #expect(refused.code == "product_not_found")
        let mended = try await ask("/api/payment-links", Self.link, "k1", key: fixture.keys.write, fixture)
        #expect(mended.status == 201)
        #expect(mended.headers[.idempotentReplayed] == nil)
    }

    @Test("a name is 1 to 255 printable characters", arguments: ["", "a b", "k\u{e9}", String(repeating: "k", count: 256)])
    func names(_ name: String) async throws {
        let fixture = try await CounterFixture()
        let refused = try await ask("/api/products", Self.product, name, key: fixture.keys.write, fixture)
        #expect(refused.status == 400)
        #expect(refused.code == "invalid_idempotency_key")
        let longest = try await ask("/api/products", Self.product, String(repeating: "k", count: 255), key: fixture.keys.write, fixture)
        #expect(longest.status == 201)
    }

    @Test("the name belongs to the seller, the mode and the route; any key of theirs may repeat it")
    func scope() async throws {
        let fixture = try await CounterFixture()
        let keys = fixture.keys
        let firsts: [(path: String, body: JSON, key: String)] = [
            (path: "/api/products", body: Self.product, key: keys.write), (path: "/api/products", body: Self.product, key: keys.other),
            (path: "/api/products", body: Self.product, key: keys.live), (path: "/api/payment-links", body: Self.link, key: keys.write),
        ]
        for first in firsts {
            let answer = try await ask(first.path, first.body, "k1", key: first.key, fixture)
            #expect(answer.status == 201)
            #expect(answer.headers[.idempotentReplayed] == nil)
        }
        let repeated = try await ask("/api/products", Self.product, "k1", key: keys.admin, fixture)
        #expect(repeated.headers[.idempotentReplayed] == "true")
    }

    @Test("many times at once acts once", .timeLimit(.minutes(1)))
    func atOnce() async throws {
        let fixture = try await CounterFixture()
        let bodies = try await withThrowingTaskGroup(of: Answered.self, returning: [[UInt8]].self) { group in
            for _ in 0..<20 {
                group.addTask { try await fixture.post("/api/products", Self.product, key: fixture.keys.write, [.idempotencyKey: "k1"]) }
            }
            var bodies: [[UInt8]] = []
            for try await answer in group { bodies.append(answer.body) }
            return bodies
        }
        #expect(bodies.count == 20 && Set(bodies).count == 1)
        #expect(try await fixture.count("SELECT count(*) FROM products") == 1)
    }

    @Test("a look needs no name, and what nobody named acts each time")
    func unnamed() async throws {
        let fixture = try await CounterFixture()
        #expect(try await fixture.get("/api/products", key: fixture.keys.read, [.idempotencyKey: "a b"]).status == 200)
        for _ in 0..<2 { #expect(try await fixture.post("/api/products", Self.product, key: fixture.keys.write).status == 201) }
        #expect(try await fixture.count("SELECT count(*) FROM products") == 2)
    }
}
