import Goods
import HTTPTypes
import Kernel
import Payments
import Sandbox
import Simulation
import Testing

@testable import Web

/// Lists: paging, order, filters, and what they refuse.
@Suite struct ListTests {
    /// Lists with an id for each item, newest first.
    static let lists = ["/api/products", "/api/payment-links", "/api/payments", "/api/sales", "/api/ledger/entries", "/api/api-keys", "/api-keys"]

    /// A shop with five of everything.
    private func stocked() async throws -> CounterFixture {
        let fixture = try await CounterFixture()
        for number in 1...5 {
            _ = try await fixture.product()
            let link = try await fixture.link()
            _ = try await fixture.sell(link, buyer: UInt64(number), nonce: UInt64(number))
            let made = try await fixture.post("/api/api-keys", ["name": "\(number)", "scopes": ["read"]], key: fixture.keys.admin)
            #expect(made.status == 201)
            fixture.simulated.time.advance(by: .seconds(1))
        }
        return fixture
    }

    /// Every id of a list, page by page; how many pages that took.
    private func walk(_ path: String, limit: Int, _ fixture: CounterFixture) async throws -> (ids: [String], pages: Int) {
        var ids: [String] = []
        var pages = 0
        var next: String?
        repeat {
            let cursor = next.map { "&cursor=" + $0 } ?? ""
            let answer = try await fixture.get("\(path)?limit=\(limit)\(cursor)", key: fixture.keys.admin)
            try #require(answer.status == 200, "\(answer.text)")
            ids += try answer.ids()
            next = try answer.json()["next_cursor"]?.text
            pages += 1
        } while next != nil && pages < 100
        return (ids: ids, pages: pages)
    }

    @Test("pages follow one another, newest first, and nothing comes twice")
    func paging() async throws {
        let fixture = try await stocked()
        for path in Self.lists {
            let whole = try await fixture.get(path, key: fixture.keys.admin)
            let all = try whole.ids()
            #expect(all.count >= 5, "\(path)")
            #expect(all == all.sorted(by: >) && Set(all).count == all.count, "\(path)")
            #expect(try whole.json()["next_cursor"]?.isNull == true, "\(path)")
            #expect(try whole.json().members?.map(\.key) == ["data", "next_cursor"], "\(path)")
            for limit in [1, 2, all.count, 100] {
                let (ids, pages) = try await walk(path, limit: limit, fixture)
                #expect(ids == all, "\(path) by \(limit)")
                #expect(pages == (all.count + limit - 1) / limit, "\(path) by \(limit)")
            }
        }
    }

    @Test("what is made while somebody pages does not move their pages")
    func keyset() async throws {
        let fixture = try await stocked()
        let first = try await fixture.get("/api/products?limit=2", key: fixture.keys.read)
        let before = try await fixture.get("/api/products", key: fixture.keys.read).ids()
        let cursor = try #require(try first.json()["next_cursor"]?.text)
        _ = try await fixture.product()
        let second = try await fixture.get("/api/products?limit=2&cursor=" + cursor, key: fixture.keys.read)
        #expect(try second.ids() == Array(before[2..<4]))
    }

    @Test("events come oldest first, from the one after")
    func events() async throws {
        let fixture = try await stocked()
        let all = try await fixture.get("/api/events?limit=100", key: fixture.keys.read)
        let ids = try all.ids()
        #expect(ids.count > 20)
        #expect(ids == ids.sorted())
        #expect(try all.json()["next_cursor"]?.isNull == true)
        let types = try all.items().compactMap { $0["event_type"]?.text }
        let first = [
            "link.created", "payment.created", "payment.verified", "settlement.queued", "settlement.confirmed", "payment.completed", "sale.created",
            "api_key.created",
        ]
        #expect(Array(types.prefix(8)) == first)
        let (walked, _) = try await walk("/api/events", limit: 7, fixture)
        #expect(walked == ids)
        let after = try await fixture.get("/api/events?after=" + ids[3], key: fixture.keys.read)
        #expect(try after.ids().first == ids[4])
        let last = try #require(ids.last)
        let none = try await fixture.get("/api/events?after=" + last, key: fixture.keys.read)
        #expect(try none.ids().isEmpty)
        #expect(try none.json()["next_cursor"]?.isNull == true)
    }

    @Test("a limit or a cursor that makes no sense is refused", arguments: lists)
    func refusals(_ path: String) async throws {
        let fixture = try await CounterFixture()
        for limit in ["0", "101", "-1", "1.5", "ten", "", "%2B5", "99999999999999999999"] {
            let answer = try await fixture.get("\(path)?limit=\(limit)", key: fixture.keys.admin)
            #expect(answer.status == 400 && answer.code == "invalid_field", "\(limit)")
            #expect(try answer.json()["param"]?.text == "limit")
        }
        for cursor in ["x", "", "prod_", "prod_01", "prod_UUUUUUUUUUUUUUUUUUUUUUUUUU", "%27%20OR%201"] {
            let answer = try await fixture.get("\(path)?cursor=\(cursor)", key: fixture.keys.admin)
            #expect(answer.status == 400, "\(cursor)")
            #expect(try answer.json()["param"]?.text == "cursor", "\(cursor)")
        }
        let stray = try await fixture.get(path + "?page=2", key: fixture.keys.admin)
        #expect(stray.code == "unknown_field")
        #expect(try stray.json()["param"]?.text == "page")
    }

    @Test("the feed refuses an event that is none of its own", arguments: ["after", "cursor"])
    func strangeEvent(_ name: String) async throws {
        let fixture = try await CounterFixture()
        for id in ["x", "evt_01m7yq1stae5y9rn9c8rj08tsn", ""] {
            let answer = try await fixture.get("/api/events?\(name)=\(id)", key: fixture.keys.read)
            #expect(answer.status == 400 && answer.code == "invalid_cursor", "\(id)")
        }
        #expect(try await fixture.get("/api/events?limit=101", key: fixture.keys.read).code == "invalid_field")
        #expect(try await fixture.get("/api/events?type=sale.created", key: fixture.keys.read).code == "unknown_field")
    }

    @Test("payments are filtered by their status")
    func statuses() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link()
        for number in 1...3 { _ = try await fixture.sell(link, buyer: UInt64(number), nonce: UInt64(number)) }
        let path = "/pay/" + link.token
        fixture.sandbox.inject(SandboxFaults(loseAnswerEvery: 1))
        let lost = try await fixture.pay(path, with: try await fixture.signed(path, buyer: 4, nonce: 4))
        let lostID = try #require(try lost.json()["payment_id"]?.text)
        let completed = try await fixture.get("/api/payments?status=completed", key: fixture.keys.read)
        #expect(try completed.ids().count == 3)
        #expect(try completed.ids().contains(lostID) == false)
        #expect(try await fixture.get("/api/payments?status=unknown", key: fixture.keys.read).ids() == [lostID])
        #expect(try await fixture.get("/api/payments?status=failed", key: fixture.keys.read).ids() == [])
        let first = try await fixture.get("/api/payments?status=completed&limit=2", key: fixture.keys.read)
        let cursor = try #require(try first.json()["next_cursor"]?.text)
        let second = try await fixture.get("/api/payments?status=completed&limit=2&cursor=" + cursor, key: fixture.keys.read)
        #expect(try first.ids() + second.ids() == completed.ids())
        let refused = try await fixture.get("/api/payments?status=paid", key: fixture.keys.read)
        #expect(refused.code == "invalid_field")
        #expect(try refused.json()["param"]?.text == "status")
    }

    @Test("the books say what was sold")
    func books() async throws {
        let fixture = try await stocked()
        let sales = try await fixture.get("/api/sales", key: fixture.keys.read).ids()
        let sale = try #require(sales.first)
        let entries = try await fixture.get("/api/ledger/entries?reference=" + sale, key: fixture.keys.read).items()
        #expect(entries.count == 1)
        let entry = try #require(entries.first)
        #expect(entry["reference"]?.text == sale && entry["kind"]?.text == "sale")
        let amounts = entry["postings"]?.items?.compactMap { $0["amount"]?["amount"]?.text }
        #expect(amounts == ["12.00", "-12.00"])
        #expect(try await fixture.get("/api/ledger/entries?reference=none", key: fixture.keys.read).items().isEmpty)
        var balances: [String: String] = [:]
        for item in try await fixture.get("/api/balances", key: fixture.keys.read).items() {
            let account = try #require(item["account"]?.text)
            balances[account] = item["balance"]?["amount"]?.text
        }
        #expect(balances == ["rail:eip155:84532": "60.00", "seller:available": "-60.00"])
    }

    @Test("one object is as its list shows it, and a change is seen at once")
    func objects() async throws {
        let fixture = try await CounterFixture()
        let keys = fixture.keys
        let draft: JSON = ["name": "Tea", "price": ["amount": "1.5", "currency": "EUR"], "stock": 3, "metadata": ["shelf": "2"]]
        let made = try await fixture.post("/api/products", draft, key: keys.write)
        #expect(made.status == 201)
        let id = try #require(try made.json()["id"]?.text)
        let shown = try await fixture.get("/api/products/" + id, key: keys.read)
        #expect(shown.body == made.body)
        let one = try shown.json()
        #expect(try await fixture.get("/api/products", key: keys.read).items() == [one])
        #expect(try shown.json()["price"]?["amount"]?.text == "1.50")
        fixture.simulated.time.advance(by: .seconds(1))
        let change: JSON = ["name": "Green tea", "stock": nil, "active": false]
        let changed = try await fixture.send(
            .patch, "/api/products/" + id, key: keys.write, [.contentType: "application/json"], body: change.bytes)
        #expect(changed.status == 200)
        let json = try changed.json()
        #expect(json["name"]?.text == "Green tea" && json["active"]?.flag == false && json["stock"]?.isNull == true)
        #expect(json["price"]?["amount"]?.text == "1.50", "what is not named stays")
        #expect(json["updated_at"]?.text != json["created_at"]?.text)
        #expect(try await fixture.get("/api/products/" + id, key: keys.read).body == changed.body)
        let refused = try await fixture.send(
            .patch, "/api/products/" + id, key: keys.write, [.contentType: "application/json"], body: Array(#"{"sold":7}"#.utf8))
        #expect(refused.code == "unknown_field")
    }

    @Test("a payment brings its timeline")
    func timeline() async throws {
        let fixture = try await CounterFixture()
        let sold = try await fixture.sell(try await fixture.link())
        let id = try #require(sold["payment_id"]?.text)
        let payment = try await fixture.get("/api/payments/" + id, key: fixture.keys.read).json()
        let types = payment["timeline"]?.items?.compactMap { $0["event_type"]?.text }
        #expect(
            types == ["payment.created", "payment.verified", "settlement.queued", "settlement.confirmed", "payment.completed", "sale.created"])
        #expect(payment["settlement"]?["status"]?.text == "confirmed")
        #expect(payment["sale_id"]?.text == sold["sale_id"]?.text)
        #expect(payment["atomic_amount"]?.text == "12000000")
    }
}
