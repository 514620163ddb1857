import Foundation
import Goods
import HTTPTypes
import Kernel
import Payments
import Rails
import Sandbox
import Simulation
import Testing

@testable import Web

/// Paying a link, as buyers and their programs meet it.
@Suite struct PayRouteTests {
    @Test("one 402 says the terms in both versions")
    func terms() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link()
        let path = "/pay/" + link.token
        let answer = try await fixture.get(path)
        #expect(answer.status == 402)
        #expect(answer.headers[.contentType] == "application/json")
        let second = try PaymentRequired(header: try #require(answer.headers[.paymentRequired]))
        let first = try PaymentRequired(json: try answer.json())
        #expect(first == second)
        #expect(second.error == "Payment is required")
        #expect(second.resource.url == CounterFixture.publicURL + path)
        #expect(second.resource.description == "Tea")
        let offer = try #require(second.accepts.first)
        #expect(second.accepts.count == 1)
        #expect(offer.scheme == "exact" && offer.network == "eip155:84532" && offer.amount == "12000000")
        #expect(offer.asset == CounterFixture.usdc.address && offer.payTo == CounterFixture.payTo && offer.maxTimeoutSeconds == 300)
        #expect(offer.extra == CounterFixture.usdc.extra)
        #expect(try answer.json()["accepts"]?.items?.first?["network"]?.text == "base-sepolia")
        #expect(try await fixture.count("SELECT count(*) FROM payments") == 0, "asking writes nothing")
    }

    @Test("a browser gets a page, with the terms for its extensions")
    func page() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link { $0.description = "A pot of <b>tea</b>" }
        let answer = try await fixture.get("/pay/" + link.token, CounterFixture.browser)
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "text/html; charset=utf-8")
        #expect(try PaymentRequired(header: try #require(answer.headers[.paymentRequired])).accepts.count == 1)
        #expect(answer.text.contains("12.00 USD") && answer.text.contains("Tea and cake"))
        #expect(answer.text.contains("A pot of &lt;b&gt;tea&lt;/b&gt;"))
        #expect(answer.text.contains("data-test=\"pay-with-test-wallet\""))
        #expect(!answer.text.contains("code 42"), "the goods come after the money")
    }

    private static func leaveOpen(_ draft: inout PaymentLink.Draft) {
        draft.price = .open(min: Amount(500, .usd), max: Amount(10_000, .usd))
    }

    @Test("an open amount is the least, or what the buyer chose")
    func openAmount() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link { Self.leaveOpen(&$0) }
        let path = "/pay/" + link.token
        let least = try await fixture.terms(path)
        #expect(least.accepts.map(\.amount) == ["5000000"])
        #expect(least.resource.url == CounterFixture.publicURL + path)
        let chosen = try await fixture.terms(path + "?amount=12.5")
        #expect(chosen.accepts.map(\.amount) == ["12500000"])
        #expect(chosen.resource.url == CounterFixture.publicURL + path + "?amount=12.50")
        let payment = try await fixture.signed(path + "?amount=12.5")
        #expect(try await fixture.pay(path, with: payment).status == 402, "what was signed for another amount does not pay the least")
        let paid = try await fixture.pay(path + "?amount=12.50", with: payment)
        #expect(paid.status == 200)
        #expect(try paid.json()["amount"]?["amount"]?.text == "12.50")
    }

    @Test("an amount out of bounds is refused", arguments: ["4.99", "100.01", "-5", "5.001", "five", "", "1e2"])
    func outOfBounds(_ amount: String) async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link { Self.leaveOpen(&$0) }
        let answer = try await fixture.get("/pay/\(link.token)?amount=\(amount)")
        #expect(answer.status == 400)
        #expect(answer.code == "invalid_amount")
        #expect(try answer.json()["param"]?.text == "amount")
    }

    @Test("a signed payment buys, in either version", arguments: [1, 2])
    func pays(_ version: Int) async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link { $0.successURL = "https://shop.example/thanks" }
        let path = "/pay/" + link.token
        let answer = try await fixture.pay(path, with: try await fixture.signed(path, version: version))
        #expect(answer.status == 200, "\(answer.text)")
        let other: HTTPField.Name = version == 1 ? .paymentResponse : .v1PaymentResponse
        #expect(answer.headers[other] == nil)
        let settled = try SettleResponse(header: try #require(answer.headers[version == 1 ? .v1PaymentResponse : .paymentResponse]))
        let payer = try CounterFixture.buyer().address.checksummed
        #expect(settled.success && settled.network == "eip155:84532" && settled.payer == payer)
        #expect(settled.amount == (version == 1 ? nil : "12000000"))
        let json = try answer.json()
        #expect(json["status"]?.text == "completed")
        #expect(json["goods"]?.text == "code 42")
        #expect(json["transaction"]?.text == settled.transaction && !settled.transaction.isEmpty)
        #expect(json["payer"]?.text == payer)
        #expect(json["livemode"]?.flag == false)
        #expect(json["success_url"]?.text == "https://shop.example/thanks")
        #expect(json["amount"]?["currency"]?.text == "USDC")
        let sales = try await fixture.get("/api/sales", key: fixture.keys.read)
        let sale = try #require(json["sale_id"]?.text)
        #expect(try sales.ids() == [sale])
    }

    @Test("the same payment again is the same sale, even when the link is closed since")
    func replay() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link { $0.maxUses = 1 }
        let path = "/pay/" + link.token
        let payment = try await fixture.signed(path)
        let first = try await fixture.pay(path, with: payment)
        let second = try await fixture.pay(path, with: payment)
        #expect(first.status == 200 && second.status == 200)
        #expect(first.body == second.body)
        #expect(first.headers[.paymentResponse] == second.headers[.paymentResponse])
        #expect(try await fixture.count("SELECT count(*) FROM sales") == 1)

        let another = try await fixture.link()
        let elsewhere = try await fixture.pay("/pay/" + another.token, with: payment)
        #expect(elsewhere.status == 402)
        #expect(try elsewhere.json()["error"]?.text == "invalid_exact_evm_nonce_already_used")
        #expect(try await fixture.count("SELECT count(*) FROM sales") == 1)
    }

    /// A payment that is refused before anything is sent: how it is made, and what is said.
    enum Spoilt: String, Sendable, CaseIterable {
        case noBase64, noJSON, noObject, versionThree, cheaper, otherPayee, cheaperInVersion1, otherPayeeInVersion1, otherNetworkInVersion1
        case tooLate, tooEarly, otherSigner, noSignature, poor

        var error: String {
            switch self {
            case .noBase64, .noJSON, .noObject: "invalid_payload"
            case .versionThree: "invalid_x402_version"
            case .cheaper, .otherPayee, .otherNetworkInVersion1: "No matching payment requirements"
            case .cheaperInVersion1: "invalid_exact_evm_payload_authorization_value_mismatch"
            case .otherPayeeInVersion1: "invalid_exact_evm_payload_recipient_mismatch"
            case .tooLate: "invalid_exact_evm_payload_authorization_valid_before"
            case .tooEarly: "invalid_exact_evm_payload_authorization_valid_after"
            case .otherSigner, .noSignature: "invalid_exact_evm_payload_signature"
            case .poor: "invalid_exact_evm_insufficient_balance"
            }
        }
    }

    private static func changed(
        _ offer: PaymentRequirements, network: String? = nil, amount: String? = nil, payTo: String? = nil
    ) -> PaymentRequirements {
        PaymentRequirements(
            network: network ?? offer.network, amount: amount ?? offer.amount, asset: offer.asset, payTo: payTo ?? offer.payTo,
            maxTimeoutSeconds: offer.maxTimeoutSeconds, extra: offer.extra)
    }

    /// The same object with one member replaced.
    private static func replacing(_ key: String, in json: JSON, by value: JSON) -> JSON {
        .object((json.members ?? []).map { $0.key == key ? JSON.Member(key, value) : $0 })
    }

    /// The payment header that `spoilt` describes.
    private func header(_ spoilt: Spoilt, _ offer: PaymentRequirements, _ fixture: CounterFixture) throws -> String {
        let stranger = "0x000000000000000000000000000000000000dEaD"
        switch spoilt {
        case .noBase64: return "%%%"
        case .noJSON: return Base64.encode(Array("pay".utf8))
        case .noObject: return X402Header.encode(["pay"])
        case .versionThree: return X402Header.encode(Self.replacing("x402Version", in: try fixture.sign(offer).json, by: 3))
        case .cheaper: return try fixture.sign(Self.changed(offer, amount: "1")).header
        case .otherPayee: return try fixture.sign(Self.changed(offer, payTo: stranger)).header
        case .cheaperInVersion1: return try fixture.sign(Self.changed(offer, amount: "1"), version: 1).header
        case .otherPayeeInVersion1: return try fixture.sign(Self.changed(offer, payTo: stranger), version: 1).header
        case .otherNetworkInVersion1: return try fixture.sign(Self.changed(offer, network: EVMNetwork.base.caip2), version: 1).header
        case .tooLate:
            let header = try fixture.sign(offer).header
            fixture.simulated.time.advance(by: .seconds(300))
            return header
        case .tooEarly:
            let now = fixture.simulated.time.now()
            fixture.simulated.time.set(now + .seconds(3_600))
            let header = try fixture.sign(offer).header
            fixture.simulated.time.set(now)
            return header
        case .otherSigner:
            let (mine, theirs) = (try fixture.sign(offer, buyer: 1), try fixture.sign(offer, buyer: 2))
            let signature = try #require(theirs.payload["signature"])
            let payload = Self.replacing("signature", in: mine.payload, by: signature)
            return X402Header.encode(Self.replacing("payload", in: mine.json, by: payload))
        case .noSignature:
            let mine = try fixture.sign(offer)
            return X402Header.encode(Self.replacing("payload", in: mine.json, by: Self.replacing("signature", in: mine.payload, by: "0x")))
        case .poor: return try fixture.sign(offer).header
        }
    }

    @Test("a payment that will not do is told why, and costs nothing", arguments: Spoilt.allCases)
    func refuses(_ spoilt: Spoilt) async throws {
        let fixture = try await CounterFixture()
        // An address never seen has 1 000 USDC.
        let cents: Int64 = spoilt == .poor ? 100_001 : 1_200
        let link = try await fixture.link { $0.price = .fixed(Amount(cents, .usd)) }
        let path = "/pay/" + link.token
        let offer = try #require(try await fixture.terms(path).accepts.first)
        let answer = try await fixture.get(path, [.paymentSignature: try header(spoilt, offer, fixture)])
        #expect(answer.status == 402)
        let required = try PaymentRequired(header: try #require(answer.headers[.paymentRequired]))
        #expect(required.error == spoilt.error)
        #expect(required.accepts == [offer], "the terms come again, to be signed anew")
        #expect(try answer.json()["error"]?.text == spoilt.error)
        #expect(answer.headers[.paymentResponse] == nil)
        for table in ["payments", "settlements", "sales"] {
            #expect(try await fixture.count("SELECT count(*) FROM " + table) == 0, "\(table)")
        }
        #expect(fixture.logged.lines.isEmpty)
    }

    @Test("a lost answer is 202 with the hash, and the same payment asks again")
    func pending() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link()
        let path = "/pay/" + link.token
        let payment = try await fixture.signed(path)
        fixture.sandbox.inject(SandboxFaults(loseAnswerEvery: 1))
        let first = try await fixture.pay(path, with: payment)
        #expect(first.status == 202)
        #expect(first.headers[.retryAfter] == "2")
        let settled = try SettleResponse(header: try #require(first.headers[.paymentResponse]))
        #expect(!settled.success && settled.errorReason == "settlement_pending" && !settled.transaction.isEmpty)
        let json = try first.json()
        #expect(json["transaction"]?.text == settled.transaction)
        let id = try #require(json["payment_id"]?.text)
        let status = try await fixture.get("\(path)/status?payment=\(id)").json()
        #expect(status["status"]?.text == "unknown" && status["done"]?.flag == false)
        fixture.sandbox.inject(.none)
        let second = try await fixture.pay(path, with: payment)
        #expect(second.status == 200)
        #expect(try second.json()["payment_id"]?.text == id)
        #expect(try second.json()["transaction"]?.text == settled.transaction)
        #expect(try await fixture.count("SELECT count(*) FROM sales") == 1)
    }

    /// Why a link cannot be paid.
    enum Shut: String, Sendable, CaseIterable {
        case unknown, closed, expired, usedUp, soldOut

        var status: Int {
            switch self {
            case .unknown: 404
            case .closed, .expired, .usedUp: 410
            case .soldOut: 409
            }
        }

        var code: String {
            switch self {
            case .unknown: "link_not_found"
            case .closed: "link_inactive"
            case .expired: "link_expired"
            case .usedUp: "link_used_up"
            case .soldOut: "out_of_stock"
            }
        }
    }

    /// Makes a link, takes its terms, and lets happen what shuts it.
    private func shut(_ shut: Shut, _ fixture: CounterFixture) async throws -> (path: String, payment: PaymentPayload) {
        let end = fixture.simulated.time.now() + .seconds(100)
        let link: PaymentLink
        switch shut {
        case .unknown, .closed: link = try await fixture.link()
        case .expired: link = try await fixture.link { $0.expiresAt = end }
        case .usedUp: link = try await fixture.link { $0.maxUses = 1 }
        case .soldOut: link = try await fixture.link(to: try await fixture.product(stock: 1))
        }
        let path = "/pay/" + link.token
        let payment = try await fixture.signed(path, buyer: 2, nonce: 2)
        switch shut {
        case .unknown: return (path: "/pay/none", payment: payment)
        case .closed: _ = try await fixture.send(.post, "/api/payment-links/\(link.id)/deactivate", key: fixture.keys.write)
        case .expired: fixture.simulated.time.advance(by: .seconds(100))
        case .usedUp, .soldOut: _ = try await fixture.sell(link)
        }
        return (path: path, payment: payment)
    }

    @Test("a link that cannot be paid says so before anything is charged", arguments: Shut.allCases)
    func cannotBePaid(_ shut: Shut) async throws {
        let fixture = try await CounterFixture()
        let (path, payment) = try await self.shut(shut, fixture)
        let before = try await fixture.count("SELECT count(*) FROM settlements")
        let answers: [Answered] = [
            try await fixture.get(path), try await fixture.pay(path, with: payment), try await fixture.get(path, [.v1Payment: "%%%"]),
            try await fixture.form(path + "/test-wallet", [:]),
        ]
        for answer in answers {
            #expect(answer.status == shut.status)
            #expect(answer.code == shut.code)
            #expect(answer.headers[.paymentRequired] == nil)
        }
        let page = try await fixture.get(path, CounterFixture.browser)
        #expect(page.status == shut.status)
        #expect(page.text.contains("data-test=\"notice\""))
        #expect(try await fixture.count("SELECT count(*) FROM settlements") == before)
    }

    @Test("the test wallet pays by form, and shows the receipt")
    func walletByForm() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link()
        let answer = try await fixture.form("/pay/\(link.token)/test-wallet", [:], CounterFixture.browser)
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "text/html; charset=utf-8")
        #expect(answer.text.contains("code 42"))
        #expect(answer.text.contains("12.00 USDC"))
        #expect(!answer.text.contains("pay-with-test-wallet"), "a receipt is not paid again")
        #expect(try await fixture.count("SELECT count(*) FROM sales") == 1)
    }

    @Test("the test wallet pays for a script, the amount that was chosen")
    func walletByScript() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link { Self.leaveOpen(&$0) }
        let path = "/pay/\(link.token)/test-wallet"
        let answer = try await fixture.form(path, ["amount": "7.00"], [.accept: "application/json"])
        #expect(answer.status == 200)
        let json = try answer.json()
        #expect(json["done"]?.flag == true && json["status"]?.text == "completed" && json["goods"]?.text == "code 42")
        #expect(json["text"]?.text == "Paid. Thank you!")
        let sale = try #require(try await fixture.get("/api/sales", key: fixture.keys.read).items().first)
        #expect(sale["id"]?.text == json["sale_id"]?.text)
        #expect(sale["amount"]?["amount"]?.text == "7.00")
        #expect(try await fixture.form(path, ["amount": "1.00"]).code == "invalid_amount")
    }

    @Test("while the network is silent, the wallet's page asks on")
    func walletPending() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link()
        fixture.sandbox.inject(SandboxFaults(loseAnswerEvery: 1))
        let json = try await fixture.form("/pay/\(link.token)/test-wallet", [:]).json()
        #expect(json["done"]?.flag == false)
        let path = try #require(json["status_path"]?.text)
        #expect(try await fixture.get(path).json()["status"]?.text == "unknown")
        let page = try await fixture.form("/pay/\(link.token)/test-wallet", [:], CounterFixture.browser)
        #expect(page.status == 200)
        #expect(page.text.contains("data-status-path=\"/pay/\(link.token)/status?payment=pay_"))
    }

    @Test("a live link has no test wallet")
    func live() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link(live: true)
        let path = "/pay/" + link.token
        #expect(try await fixture.terms(path).accepts.map(\.network) == [EVMNetwork.base.caip2])
        let page = try await fixture.get(path, CounterFixture.browser)
        #expect(page.status == 200)
        #expect(!page.text.contains("test-wallet"))
        let refused = try await fixture.form(path + "/test-wallet", [:])
        #expect(refused.status == 404)
        #expect(refused.code == "not_found")
        #expect(try await fixture.count("SELECT count(*) FROM payments") == 0)
    }

    @Test("the status of a payment is told to whoever knows its link and its id")
    func status() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link()
        let another = try await fixture.link()
        let id = try #require(try await fixture.sell(link)["payment_id"]?.text)
        let json = try await fixture.get("/pay/\(link.token)/status?payment=\(id)").json()
        let expected: JSON = ["status": "completed", "text": "Paid. Thank you!", "done": true]
        #expect(json == expected)
        for path in ["/pay/\(another.token)/status?payment=\(id)", "/pay/none/status?payment=\(id)", "/pay/\(link.token)/status?payment=pay_1"] {
            let answer = try await fixture.get(path)
            #expect(answer.status == 404 && answer.code == "payment_not_found", "\(path)")
        }
        #expect(try await fixture.get("/pay/\(link.token)/status").code == "missing_field")
    }

    @Test("a QR code is drawn as asked")
    func codes() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link()
        let path = "/api/qr?token=" + link.token
        let standard = try await fixture.get(path)
        #expect(standard.status == 200)
        #expect(standard.headers[.contentType] == "image/svg+xml")
        #expect(standard.text.contains("width=\"240\""))
        let expected = try QRCode(text: CounterFixture.publicURL + "/pay/" + link.token)
        #expect(standard.text == expected.svg(size: 240))
        let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
        for size in [50, 333, 1_000] {
            let image = try await fixture.get(path + "&format=png&size=\(size)")
            #expect(image.headers[.contentType] == "image/png")
            #expect(Array(image.body.prefix(8)) == signature)
            let side = image.body[16..<20].reduce(0 as Int) { $0 << 8 | Int($1) }
            #expect(side == size)
        }
    }

    @Test(
        "a QR code that cannot be drawn is refused",
        arguments: ["size=49", "size=1001", "size=-240", "size=", "size=2e2", "format=gif", "format=SVG", "colour=red"])
    func badCodes(_ query: String) async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link()
        let answer = try await fixture.get("/api/qr?token=\(link.token)&\(query)")
        #expect(answer.status == 400)
        #expect(try answer.json()["param"]?.text == String(query.prefix { $0 != "=" }))
        #expect(try await fixture.get("/api/qr?token=none").code == "link_not_found")
    }
}
