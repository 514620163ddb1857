import Goods
import HTTPTypes
import Kernel
import Payments
import Simulation
import Storage
import Testing

@testable import Web

/// Who comes in where: every route against every kind of asker.
@Suite struct DoorTests {
    /// Whom a route is for, said once more by hand: the table of routes must agree.
    enum Audience: Sendable { case anyone, reader, writer, payer, admin, person }

    static let audiences: [String: Audience] = [
        "GET /health": .anyone, "GET /livez": .anyone, "GET /readyz": .anyone, "GET /status": .anyone,
        "POST /api/products": .writer, "GET /api/products": .reader, "GET /api/products/{id}": .reader, "PATCH /api/products/{id}": .writer,
        "POST /api/payment-links": .writer, "GET /api/payment-links": .reader, "GET /api/payment-links/{id}": .reader,
        "POST /api/payment-links/{id}/deactivate": .writer,
        "GET /api/qr": .anyone, "GET /pay/{token}": .anyone, "GET /pay/{token}/status": .anyone, "POST /pay/{token}/test-wallet": .anyone,
        "GET /api/payments": .reader, "GET /api/payments/{id}": .reader, "GET /api/sales": .reader, "GET /api/balances": .reader,
        "GET /api/ledger/entries": .reader, "GET /api/events": .reader,
        "POST /api/api-keys": .admin, "GET /api/api-keys": .admin, "DELETE /api/api-keys/{id}": .admin,
        "POST /api-keys": .admin, "GET /api-keys": .admin, "DELETE /api-keys/{id}": .admin,
        "POST /verify": .payer, "POST /settle": .payer, "GET /supported": .anyone,
        "POST /x402/facilitator/verify": .payer, "POST /x402/facilitator/settle": .payer, "GET /x402/facilitator/supported": .anyone,
        "GET /openapi.json": .anyone, "GET /docs/errors": .anyone, "GET /assets/till.css": .anyone, "GET /assets/pay.js": .anyone,
        "GET /assets/setup.js": .anyone, "GET /favicon.ico": .anyone, "GET /": .anyone,
        "GET /admin": .person, "GET /admin/payments": .person, "GET /admin/payments/{id}": .person, "GET /admin/links": .person,
        "POST /admin/links": .person, "POST /admin/links/{id}/deactivate": .person, "POST /admin/sign-out": .person,
        "GET /admin/sign-in": .anyone, "POST /admin/sign-in": .anyone, "GET /admin/setup": .anyone, "POST /admin/setup": .anyone,
    ]

    static func name(_ route: Route) -> String { route.method.rawValue + " " + route.path }
    static let names: [String] = API.routes.map { name($0) }
    static let personal: [String] = names.filter { audiences[$0] == .person }

    enum Asker: String, Sendable, CaseIterable { case nobody, stranger, read, write, payments, admin, other, live }

    static func key(_ asker: Asker, _ keys: CounterFixture.Keys) -> String? {
        switch asker {
        case .nobody: nil
        case .stranger: "sk_test_" + String(repeating: "0", count: 64)
        case .read: keys.read
        case .write: keys.write
        case .payments: keys.payments
        case .admin: keys.admin
        case .other: keys.other
        case .live: keys.live
        }
    }

    /// The code by which an asker is turned away, or nil where they come in.
    static func verdict(_ audience: Audience, _ asker: Asker) -> String? {
        switch (audience, asker) {
        case (.anyone, _), (.person, _): nil
        case (_, .nobody), (_, .stranger): "unauthenticated"
        case (.reader, .payments), (.writer, .read), (.writer, .payments), (.payer, .read), (.payer, .write): "forbidden"
        case (.admin, .read), (.admin, .write), (.admin, .payments): "forbidden"
        case (.reader, _), (.writer, _), (.payer, _), (.admin, _): nil
        }
    }

    @Test("every route says whom it is for, here as well")
    func isComplete() {
        let served = Self.names
        #expect(Set(served).count == served.count, "a route is served once")
        for route in served { #expect(Self.audiences[route] != nil, "\(route) has no row in this table") }
        for route in Self.audiences.keys.sorted() { #expect(served.contains(route), "\(route) is not served") }
    }

    @Test("each asker comes in where they may, and nowhere else", arguments: names)
    func doors(_ name: String) async throws {
        guard let audience = Self.audiences[name], audience != .person else { return }
        let fixture = try await CounterFixture()
        let route = try #require(API.routes.first { Self.name($0) == name })
        let path = route.path.replacing("{id}", with: "none").replacing("{token}", with: "none")
        for asker in Asker.allCases {
            let answer = try await fixture.send(route.method, path, key: Self.key(asker, fixture.keys))
            let verdict = Self.verdict(audience, asker)
            if let verdict {
                #expect(answer.code == verdict, "\(asker)")
                #expect(answer.status == (verdict == "forbidden" ? 403 : 401), "\(asker)")
                #expect(answer.headers[.wwwAuthenticate] == (verdict == "forbidden" ? nil : "Bearer"), "\(asker)")
            } else {
                #expect(answer.code != "unauthenticated" && answer.code != "forbidden", "\(asker): \(answer.text)")
                #expect(answer.status < 500, "\(asker): \(answer.text)")
            }
        }
        guard route.method == .get else { return }
        let head = try await fixture.send(.head, path)
        let whole = try await fixture.get(path)
        #expect(head.status == whole.status && head.body.isEmpty, "HEAD is GET without the body")
    }

    @Test("whoever has not signed in is sent to do so", arguments: personal)
    func people(_ name: String) async throws {
        let fixture = try await CounterFixture()
        let route = try #require(API.routes.first { Self.name($0) == name })
        let path = route.path.replacing("{id}", with: "none")
        let next = path.replacing("/", with: "%2F")
        let given: [HTTPFields] = [[:], [.cookie: "till_session=none"], [.apiKey: fixture.keys.admin]]
        for headers in given {
            let answer = try await fixture.send(route.method, path, headers)
            #expect(answer.status == 303)
            #expect(answer.headers[.location] == (route.method == .get ? "/admin/sign-in?next=" + next : "/admin/sign-in"))
            #expect(answer.body.isEmpty)
        }
    }

    @Test("a key is taken from either header")
    func headers() async throws {
        let fixture = try await CounterFixture()
        let key = fixture.keys.read
        let taken: [HTTPFields] = [[.authorization: "Bearer " + key], [.authorization: "bearer  " + key], [.apiKey: key]]
        for field in taken { #expect(try await fixture.get("/api/products", field).status == 200) }
        let refused: [HTTPFields] = [[.authorization: "Basic " + key], [.authorization: key], [.apiKey: ""]]
        for field in refused {
            #expect(try await fixture.get("/api/products", field).code == "unauthenticated")
        }
    }

    @Test("a key ends when it is revoked, and when its time is over")
    func endings() async throws {
        let fixture = try await CounterFixture()
        let end = (fixture.simulated.time.now() + .seconds(60)).rfc3339
        let made = try await fixture.post("/api/api-keys", ["name": "short", "scopes": ["read"], "expires_at": .string(end)], key: fixture.keys.admin)
        #expect(made.status == 201)
        let secret = try #require(try made.json()["secret"]?.text)
        let id = try #require(try made.json()["id"]?.text)
        #expect(try await fixture.get("/api/products", key: secret).status == 200)
        fixture.simulated.time.advance(by: .seconds(60))
        #expect(try await fixture.get("/api/products", key: secret).code == "unauthenticated")

        let lasting = try await fixture.post("/api/api-keys", ["name": "lasting", "scopes": ["read"]], key: fixture.keys.admin)
        let key = try #require(try lasting.json()["secret"]?.text)
        let lastingID = try #require(try lasting.json()["id"]?.text)
        #expect(lastingID != id)
        #expect(try await fixture.get("/api/products", key: key).status == 200)
        #expect(try await fixture.send(.delete, "/api/api-keys/" + lastingID, key: fixture.keys.admin).status == 200)
        #expect(try await fixture.get("/api/products", key: key).code == "unauthenticated")
        let again = try await fixture.send(.delete, "/api/api-keys/" + lastingID, key: fixture.keys.admin)
        #expect(again.status == 200, "revoking twice is no error")
    }

    @Test("an open facilitator needs no key, and refuses a wrong one")
    func openFacilitator() async throws {
        let fixture = try await CounterFixture { $0.facilitatorIsOpen = true }
        for path in ["/verify", "/settle", "/x402/facilitator/verify", "/x402/facilitator/settle"] {
            #expect(try await fixture.post(path, [:]).code == "missing_field")
            #expect(try await fixture.post(path, [:], key: "sk_test_0000").code == "unauthenticated")
            #expect(try await fixture.post(path, [:], key: fixture.keys.read).code == "forbidden")
        }
    }

    /// A request about something of the seller's, and what everybody else is told.
    struct Probe: Sendable {
        let method: HTTPRequest.Method
        let path: String
        var body: JSON = [:]
        let code: String
    }

    @Test("another seller, and the other mode, find nothing", arguments: [Asker.other, Asker.live])
    func others(_ asker: Asker) async throws {
        let fixture = try await CounterFixture()
        let product = try await fixture.product()
        let link = try await fixture.link()
        let payment = try #require(try await fixture.sell(link)["payment_id"]?.text)
        let made = try await fixture.post("/api/api-keys", ["name": "mine", "scopes": ["read"]], key: fixture.keys.admin)
        let keyID = try #require(try made.json()["id"]?.text)
        let event = try #require(try await fixture.get("/api/events", key: fixture.keys.read).ids().first)
        let key = Self.key(asker, fixture.keys)
        let probes: [Probe] = [
            Probe(method: .get, path: "/api/products/" + product.id, code: "product_not_found"),
            Probe(method: .patch, path: "/api/products/" + product.id, body: ["name": "mine now"], code: "product_not_found"),
            Probe(method: .post, path: "/api/payment-links", body: ["product_id": .string(product.id)], code: "product_not_found"),
            Probe(method: .get, path: "/api/payment-links/" + link.id, code: "link_not_found"),
            Probe(method: .post, path: "/api/payment-links/" + link.id + "/deactivate", code: "link_not_found"),
            Probe(method: .get, path: "/api/payments/" + payment, code: "payment_not_found"),
            Probe(method: .delete, path: "/api/api-keys/" + keyID, code: "api_key_not_found"),
            Probe(method: .delete, path: "/api-keys/" + keyID, code: "api_key_not_found"),
            Probe(method: .get, path: "/api/events?after=" + event, code: "invalid_cursor"),
        ]
        for probe in probes {
            let answer = try await fixture.send(
                probe.method, probe.path, key: key, [.contentType: "application/json"], body: probe.method == .get ? nil : probe.body.bytes)
            #expect(answer.code == probe.code, "\(probe.path)")
            #expect(answer.status == (probe.code == "invalid_cursor" ? 400 : 404), "\(probe.path)")
        }
        for path in ["/api/products", "/api/payment-links", "/api/payments", "/api/sales", "/api/balances", "/api/ledger/entries", "/api/events"] {
            #expect(try await fixture.get(path, key: key).items().isEmpty, "\(path)")
        }
        #expect(try await fixture.get("/api/api-keys", key: key).ids().contains(keyID) == false)
        let still = try await fixture.get("/api/payment-links/" + link.id, key: fixture.keys.read).json()
        #expect(still["status"]?.text == "active")
    }
}
