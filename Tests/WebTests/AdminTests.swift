import Access
import Foundation
import GRDB
import HTTPTypes
import Kernel
import Payments
import Simulation
import Storage
import Testing

@testable import Web

/// The admin page: coming in, looking, and making links by form.
@Suite(.timeLimit(.minutes(2))) struct AdminTests {
    static let password = "correct horse battery"

    private func setupCode(_ fixture: CounterFixture) async throws -> String {
        let world = fixture.world
        let code = try await fixture.store.write { db in try SetupCode.create(lasting: .seconds(3_600), world: world, in: db) }
        return code.exposeSecret()
    }

    /// The cookie an answer sets, as it is sent back: `name=value`.
    private func cookie(_ answer: Answered) -> String? {
        answer.headers[.setCookie].map { String($0.prefix { $0 != ";" }) }
    }

    /// The token of the forms on a page.
    private func token(_ html: String) throws -> String {
        let match = try #require(html.firstMatch(of: #/name="csrf" value="([0-9a-f]+)"/#))
        return String(match.output.1)
    }

    /// A session of somebody in `role`, begun past the slow password.
    private func session(_ fixture: CounterFixture, as role: String = "owner") async throws -> HTTPFields {
        let (sellerID, world) = (fixture.seller.id, fixture.world)
        let secret = try await fixture.store.write { db -> Secret<String> in
            let id = world.newID(.person)
            try db.run(
                "INSERT INTO people (id, seller_id, name, role, password_salt, password_hash, created_at) VALUES (?, ?, ?, ?, x'00', x'00', 0)",
                [id, sellerID, role, role])
            let person = try #require(try Person.find(id, in: db))
            return try Session.begin(for: person, lasting: .seconds(43_200), world: world, in: db)
        }
        return [.cookie: "till_session=" + secret.exposeSecret()]
    }

    /// Sets the first owner up, called Ada.
    private func setUp(_ fixture: CounterFixture) async throws -> Answered {
        let code = try await setupCode(fixture)
        return try await fixture.form("/admin/setup", ["code": code, "name": "Ada", "password": Self.password])
    }

    @Test("the setup code makes one owner, once")
    func setup() async throws {
        let fixture = try await CounterFixture()
        #expect(try await fixture.get("/admin/sign-in").headers[.location] == "/admin/setup", "there is nobody to sign in yet")
        #expect(try await fixture.get("/admin/setup").status == 200)
        let code = try await setupCode(fixture)
        let wrong = try await fixture.form("/admin/setup", ["code": code + "0", "name": "Ada", "password": Self.password])
        #expect(wrong.status == 403)
        #expect(wrong.text.contains("This setup code is unknown"))
        for password in ["", "fourteen chars", String(repeating: "a", count: 201)] {
            let weak = try await fixture.form("/admin/setup", ["code": code, "name": "Ada \"<Lovelace>", "password": password])
            #expect(weak.status == 400)
            #expect(weak.text.contains("The password must have 15 to 200 characters."))
            #expect(weak.text.contains("value=\"Ada &quot;&lt;Lovelace&gt;\""), "what was typed stays")
            #expect(!weak.text.contains(code))
        }
        #expect(try await fixture.form("/admin/setup", ["code": code, "name": " ", "password": Self.password]).status == 400)
        let done = try await fixture.form("/admin/setup", ["code": code, "name": " Ada ", "password": Self.password])
        #expect(done.status == 303)
        #expect(done.headers[.location] == "/admin")
        let set = try #require(done.headers[.setCookie])
        #expect(set.hasPrefix("till_session=") && set.hasSuffix("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"))
        let session = try #require(cookie(done))
        let page = try await fixture.get("/admin", [.cookie: session])
        #expect(page.status == 200)
        #expect(page.text.contains("Ada") && page.text.contains("Tea and cake"))
        let again = try await fixture.form("/admin/setup", ["code": code, "name": "Eve", "password": Self.password])
        #expect(again.status == 403)
        #expect(try await fixture.get("/admin/setup").headers[.location] == "/admin/sign-in")
        #expect(try await fixture.count("SELECT count(*) FROM people WHERE role = 'owner' AND name = 'Ada'") == 1)
        #expect(try await fixture.count("SELECT count(*) FROM people") == 1)
    }

    @Test("a setup code is over after its time, and when there is a newer one")
    func setupEnds() async throws {
        let fixture = try await CounterFixture()
        let older = try await setupCode(fixture)
        let newer = try await setupCode(fixture)
        #expect(try await fixture.form("/admin/setup", ["code": older, "name": "Ada", "password": Self.password]).status == 403)
        fixture.simulated.time.advance(by: .seconds(3_600))
        #expect(try await fixture.form("/admin/setup", ["code": newer, "name": "Ada", "password": Self.password]).status == 403)
        #expect(try await fixture.count("SELECT count(*) FROM people") == 0)
    }

    @Test("a name and its password come in; anything else is told the same")
    func signIn() async throws {
        let fixture = try await CounterFixture()
        #expect(try await setUp(fixture).status == 303)
        let page = try await fixture.get("/admin/sign-in?next=%2Fadmin%2Flinks")
        #expect(page.status == 200)
        #expect(page.text.contains("name=\"next\" value=\"/admin/links\""))
        let given = try #require(cookie(page))
        let csrf = try token(page.text)
        let headers: HTTPFields = [.cookie: given]
        let strangers: [[String: String]] = [
            ["csrf": csrf, "name": "Ada", "password": Self.password + "!"], ["csrf": csrf, "name": "Eve", "password": Self.password],
            ["csrf": csrf, "name": "Ada", "password": ""], ["csrf": csrf],
        ]
        for fields in strangers {
            let refused = try await fixture.form("/admin/sign-in", fields, headers)
            #expect(refused.status == 401)
            #expect(refused.text.contains("Name or password is wrong."))
            #expect(refused.headers[.setCookie]?.hasPrefix("till_form=") == true, "no session")
        }
        let right = ["csrf": csrf, "name": "ADA", "password": Self.password, "next": "/admin/links"]
        let forgeries: [HTTPFields] = [[:], [.cookie: "till_form=0000"]]
        for forged in forgeries {
            let refused = try await fixture.form("/admin/sign-in", right, forged)
            #expect(refused.status == 403)
            #expect(refused.text.contains("The form was too old."))
        }
        let done = try await fixture.form("/admin/sign-in", right, headers)
        #expect(done.status == 303)
        #expect(done.headers[.location] == "/admin/links")
        let session = try #require(cookie(done))
        #expect(try await fixture.get("/admin/links", [.cookie: "theme=dark; " + session]).status == 200)
        fixture.simulated.time.advance(by: .seconds(43_200))
        #expect(try await fixture.get("/admin/links", [.cookie: session]).status == 303, "a session lasts so long")
    }

    @Test(
        "signing in leads to a page of ours only",
        arguments: ["https://evil.example", "//evil.example", "/admin//evil.example", "/admin\\evil.example", "javascript:alert(1)", "/pay/x", ""])
    func next(_ next: String) async throws {
        let fixture = try await CounterFixture()
        #expect(try await setUp(fixture).status == 303)
        let page = try await fixture.get("/admin/sign-in")
        let fields = ["csrf": try token(page.text), "name": "Ada", "password": Self.password, "next": next]
        let given = try #require(cookie(page))
        let done = try await fixture.form("/admin/sign-in", fields, [.cookie: given])
        #expect(done.headers[.location] == "/admin")
    }

    @Test("over https the cookies are bound to the host and to TLS")
    func secureCookies() async throws {
        let fixture = try await CounterFixture { $0.publicURL = "https://till.test" }
        let done = try await setUp(fixture)
        let session = try #require(done.headers[.setCookie])
        #expect(session.hasPrefix("__Host-till_session=") && session.hasSuffix("; Secure"))
        let form = try #require(try await fixture.get("/admin/sign-in").headers[.setCookie])
        #expect(form.hasPrefix("__Host-till_form=") && form.hasSuffix("; Secure"))
        let given = try #require(cookie(done))
        #expect(try await fixture.get("/admin", [.cookie: given]).status == 200)
    }

    @Test("signing out ends the session, on the server too")
    func signOut() async throws {
        let fixture = try await CounterFixture()
        let headers = try await session(fixture)
        let csrf = try token(try await fixture.get("/admin/links", headers).text)
        #expect(try await fixture.form("/admin/sign-out", [:], headers).code == "form_expired")
        #expect(try await fixture.get("/admin", headers).status == 200)
        let done = try await fixture.form("/admin/sign-out", ["csrf": csrf], headers)
        #expect(done.status == 303)
        #expect(done.headers[.location] == "/admin/sign-in")
        #expect(done.headers[.setCookie]?.hasPrefix("till_session=; Path=/; Max-Age=0;") == true)
        #expect(try await fixture.get("/admin", headers).status == 303)
    }

    @Test("a form without the session's token changes nothing")
    func forged() async throws {
        let fixture = try await CounterFixture()
        let headers = try await session(fixture)
        let link = try await fixture.link()
        let theirs = try token(try await fixture.get("/admin/links", try await session(fixture, as: "operator")).text)
        let tokens: [String?] = [nil, "", "0000", theirs]
        for csrf in tokens {
            var fields = ["title": "Cake", "amount": "5.00", "currency": "USD"]
            fields["csrf"] = csrf
            for path in ["/admin/links", "/admin/links/\(link.id)/deactivate", "/admin/sign-out"] {
                let refused = try await fixture.form(path, fields, headers)
                #expect(refused.status == 403)
                #expect(refused.code == "form_expired")
            }
        }
        #expect(try await fixture.count("SELECT count(*) FROM payment_links WHERE state = 'active'") == 1)
        #expect(try await fixture.get("/admin", headers).status == 200)
    }

    @Test("a viewer looks, and changes nothing")
    func viewer() async throws {
        let fixture = try await CounterFixture()
        let headers = try await session(fixture, as: "viewer")
        let link = try await fixture.link()
        let csrf = try token(try await fixture.get("/admin/links", headers).text)
        for path in ["/admin/links", "/admin/links/\(link.id)/deactivate"] {
            let refused = try await fixture.form(path, ["csrf": csrf, "title": "Cake", "amount": "5.00", "currency": "USD"], headers)
            #expect(refused.status == 403)
            #expect(refused.code == "forbidden")
        }
        #expect(try await fixture.count("SELECT count(*) FROM payment_links WHERE state = 'active'") == 1)
    }

    @Test("a link is made by form, and closed")
    func makesLinks() async throws {
        let fixture = try await CounterFixture()
        let headers = try await session(fixture, as: "operator")
        let csrf = try token(try await fixture.get("/admin/links", headers).text)
        let fields = [
            "csrf": csrf, "title": "Cake", "description": "With cherries", "amount": "5.00", "currency": "USD", "max_uses": "3", "reusable": "true",
            "content": "code\r\n43",
        ]
        let made = try await fixture.form("/admin/links", fields, headers)
        #expect(made.status == 200)
        let link = try #require(try await fixture.get("/api/payment-links", key: fixture.keys.read).items().first)
        let (id, url) = (try #require(link["id"]?.text), try #require(link["url"]?.text))
        #expect(made.text.contains("data-test=\"created\"") && made.text.contains(url))
        #expect(link["title"]?.text == "Cake" && link["price"]?["amount"]?.text == "5.00" && link["max_uses"]?.integer == 3)
        #expect(link["content"]?.text == "code\r\n43" && link["livemode"]?.flag == false)

        let open = try await fixture.form("/admin/links", ["csrf": csrf, "title": "Tip", "amount": "", "currency": "EUR"], headers)
        #expect(open.status == 200)
        let tip = try #require(try await fixture.get("/api/payment-links", key: fixture.keys.read).items().first)
        #expect(tip["open_amount"]?["currency"]?.text == "EUR" && tip["reusable"]?.flag == false && tip["max_uses"]?.integer == 1)

        let closed = try await fixture.form("/admin/links/\(id)/deactivate", ["csrf": csrf], headers)
        #expect(closed.status == 303)
        #expect(closed.headers[.location] == "/admin/links")
        #expect(try await fixture.get("/api/payment-links/" + id, key: fixture.keys.read).json()["status"]?.text == "inactive")
        #expect(try await fixture.form("/admin/links/plink_1/deactivate", ["csrf": csrf], headers).code == "link_not_found")
    }

    @Test("a text as long as a link may carry fits into the form")
    func longText() async throws {
        let fixture = try await CounterFixture()
        let headers = try await session(fixture)
        let csrf = try token(try await fixture.get("/admin/links", headers).text)
        let content = String(repeating: "tea & cake ", count: 909) + "!"
        let made = try await fixture.form("/admin/links", ["csrf": csrf, "title": "Tea", "amount": "5.00", "content": content], headers)
        #expect(made.status == 200)
        let link = try #require(try await fixture.get("/api/payment-links", key: fixture.keys.read).items().first)
        #expect(link["content"]?.text == content)
    }

    /// A form that is refused, and words of the reason.
    struct Mistyped: Sendable {
        let fields: [String: String]
        let reason: String
    }

    static let mistyped: [Mistyped] = [
        Mistyped(fields: ["title": "Cake", "amount": "five", "currency": "USD"], reason: "price.amount must be decimal digits"),
        Mistyped(fields: ["title": "Cake", "amount": "0", "currency": "USD"], reason: "price.amount must be more than zero"),
        Mistyped(fields: ["title": "Cake", "amount": "5.00", "currency": "XYZ"], reason: "price.currency must be one of"),
        Mistyped(fields: ["title": "Cake", "amount": "5.00", "currency": "USD", "max_uses": "three"], reason: "max_uses must be a whole number"),
        Mistyped(
            fields: ["title": "Cake", "amount": "5.00", "currency": "USD", "max_uses": "0", "reusable": "true"],
            reason: "max_uses must be a whole number"),
        Mistyped(fields: ["title": "", "amount": "5.00", "currency": "USD"], reason: "title must be text of 1 to 200 characters"),
    ]

    @Test("a form with a mistake comes back as it was typed", arguments: mistyped)
    func keepsWhatWasTyped(_ mistyped: Mistyped) async throws {
        let fixture = try await CounterFixture()
        let headers = try await session(fixture)
        var fields = mistyped.fields
        fields["csrf"] = try token(try await fixture.get("/admin/links", headers).text)
        fields["description"] = "With \"cherries\" & <cream>"
        fields["content"] = "code 43"
        let answer = try await fixture.form("/admin/links", fields, headers)
        #expect(answer.status == 400)
        #expect(answer.text.contains("data-test=\"error\"") && answer.text.contains(mistyped.reason), "\(mistyped.reason)")
        #expect(answer.text.contains("With &quot;cherries&quot; &amp; &lt;cream&gt;"))
        #expect(answer.text.contains("code 43"))
        for name in ["title", "amount", "max_uses"] {
            let typed = fields[name] ?? ""
            #expect(answer.text.contains(" value=\"\(typed)\""), "\(name)")
        }
        #expect(try await fixture.count("SELECT count(*) FROM payment_links") == 0)
    }

    @Test("every page shows the sale, to its seller alone")
    func pages() async throws {
        let fixture = try await CounterFixture()
        let headers = try await session(fixture)
        for path in ["/admin", "/admin/payments", "/admin/links"] { #expect(try await fixture.get(path, headers).status == 200, "empty \(path)") }
        let sold = try await fixture.sell(try await fixture.link())
        let id = try #require(sold["payment_id"]?.text)
        let paths = ["/admin", "/admin/payments", "/admin/payments?status=completed", "/admin/payments?status=", "/admin/payments/" + id]
        for path in paths {
            let page = try await fixture.get(path, headers)
            #expect(page.status == 200, "\(path)")
            #expect(page.text.contains(id) && page.text.contains("12.00"), "\(path)")
        }
        #expect(try await fixture.get("/admin/payments?status=failed", headers).text.contains(id) == false)
        #expect(try await fixture.get("/admin/payments?status=paid", headers).code == "invalid_field")
        #expect(try await fixture.get("/admin/payments/pay_1", headers).code == "payment_not_found")
        let hash = try #require(sold["transaction"]?.text)
        #expect(try await fixture.get("/admin/payments/" + id, headers).text.contains(hash))
        try await fixture.store.write { db in
            try db.execute(sql: "UPDATE people SET seller_id = (SELECT id FROM sellers WHERE name = 'Somebody else')")
        }
        #expect(try await fixture.get("/admin/payments/" + id, headers).code == "payment_not_found")
        #expect(try await fixture.get("/admin/payments", headers).text.contains(id) == false)
    }

    @Test("older links are a page away")
    func pager() async throws {
        let fixture = try await CounterFixture()
        let headers = try await session(fixture)
        for number in 1...21 { _ = try await fixture.link { $0.title = "Link \(number)." } }
        let first = try await fixture.get("/admin/links", headers).text
        #expect(first.contains("Link 21.") && !first.contains("Link 1."))
        let older = try #require(first.firstMatch(of: #/href="(\/admin\/links\?cursor=[a-z0-9_]+)"/#))
        let second = try await fixture.get(String(older.output.1), headers).text
        #expect(second.contains("Link 1.") && !second.contains("Link 21.") && !second.contains("rel=\"next\""))
    }
}
