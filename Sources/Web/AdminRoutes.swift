import Access
import Foundation
import GRDB
import HTTPTypes
import Kernel
import Ledger
import Payments
import Storage
import Webhooks

extension Counter {
    // MARK: - Sessions

    private var cookieName: String { isSecure ? "__Host-till_session" : "till_session" }
    private var formCookieName: String { isSecure ? "__Host-till_form" : "till_form" }

    private func cookie(_ name: String, in headers: HTTPFields) -> String? {
        for line in headers[values: .cookie] {
            for part in line.split(separator: ";") {
                let sides = part.split(separator: "=", maxSplits: 1)
                if sides.count == 2, sides[0].trimmingCharacters(in: .whitespaces) == name { return String(sides[1]) }
            }
        }
        return nil
    }

    private func setCookie(_ name: String, _ value: String, seconds: Int64) -> String {
        "\(name)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
    }

    /// The session a browser's cookie belongs to, or nil.
    func session(of headers: HTTPFields) async throws -> Session? {
        guard let secret = cookie(cookieName, in: headers) else { return nil }
        let now = world.time.now()
        return try store.look { db in try Session.find(secret, at: now, in: db) }
    }

    /// A person sees the mode that the install is in.
    func principal(of person: Person) -> Principal {
        let principal = person.principal
        return Principal(sellerID: principal.sellerID, livemode: options.livemode, scopes: principal.scopes, actor: principal.actor)
    }

    /// Refuses a form that does not come from a page of this session.
    private func checkForm(_ call: Call, _ form: [String: String]) throws {
        guard let session = call.session, let token = form["csrf"], equalInConstantTime(Array(token.utf8), Array(session.formToken.utf8)) else {
            throw Problem(.formExpired, "Open the page again and send the form from there.")
        }
    }

    private func require(_ scope: Scope, _ call: Call) throws {
        guard call.asker.may(scope) else { throw Problem(.forbidden, "Your role may look, and not change this.") }
    }

    private func frame(_ call: Call, in seller: Seller?) -> AdminFrame {
        AdminFrame(
            sellerName: seller?.name ?? "", personName: call.session?.person.name ?? "", isTest: !options.livemode,
            csrf: call.session?.formToken ?? "")
    }

    // MARK: - Coming in

    func signInPage(_ call: Call) async throws -> Reply {
        if try await !store.read({ db in try Person.exists(in: db) }) { return .redirect(to: "/admin/setup") }
        return signInForm(next: call.query["next"], error: nil)
    }

    private func signInForm(next: String?, error: String?, status: HTTPResponse.Status = .ok) -> Reply {
        let token = Hex.encode(world.chance.bytes(16))
        var reply = Reply.html(pages.signIn(next: next, error: error, csrf: token), status: status)
        reply.headers[.setCookie] = setCookie(formCookieName, token, seconds: 3_600)
        return reply
    }

    func signIn(_ call: Call) async throws -> Reply {
        let form = try call.form()
        guard let token = form["csrf"], let cookie = cookie(formCookieName, in: call.headers),
            equalInConstantTime(Array(token.utf8), Array(cookie.utf8))
        else { return signInForm(next: form["next"], error: "The form was too old. Try again.", status: .forbidden) }
        let (name, given) = (form["name"] ?? "", form["password"] ?? "")
        let salt = try await store.read { db in try Person.salt(of: name, in: db) }
        // Nobody has a password longer than the longest: one character more is enough to be wrong, and bounded work.
        let password = try PasswordHash(Secret(String(given.prefix(Person.passwordLengthMax + 1))), salt: salt)
        guard let person = try await store.read({ db in try Person.signIn(name, password, in: db) }) else {
            return signInForm(next: form["next"], error: "Name or password is wrong.", status: .unauthorized)
        }
        return try await begin(person, next: form["next"])
    }

    private func begin(_ person: Person, next: String?) async throws -> Reply {
        let (world, lasting) = (world, options.sessionLasts)
        let secret = try await store.write { db in try Session.begin(for: person, lasting: lasting, world: world, in: db) }
        // Only a path of ours: anything else could lead a signed-in person elsewhere.
        let path = next.flatMap { $0.hasPrefix("/admin") && !$0.contains("//") && !$0.contains("\\") ? $0 : nil } ?? "/admin"
        var reply = Reply.redirect(to: path)
        reply.headers[.setCookie] = setCookie(cookieName, secret.exposeSecret(), seconds: lasting.components.seconds)
        return reply
    }

    func setupPage(_ call: Call) async throws -> Reply {
        if try await store.read({ db in try Person.exists(in: db) }) { return .redirect(to: "/admin/sign-in") }
        return .html(pages.setup())
    }

    /// Makes the first owner with the one-time code, and signs them in.
    func setup(_ call: Call) async throws -> Reply {
        let form = try call.form()
        let (code, name, given) = (form["code"] ?? "", (form["name"] ?? "").trimmingCharacters(in: .whitespaces), form["password"] ?? "")
        do {
            guard (1...100).contains(name.count) else { throw Problem(.invalidField, "The name must have 1 to 100 characters.", param: "name") }
            guard (Person.passwordLengthMin...Person.passwordLengthMax).contains(given.count) else {
                throw Problem(
                    .weakPassword, "The password must have \(Person.passwordLengthMin) to \(Person.passwordLengthMax) characters.", param: "password")
            }
            let password = try PasswordHash(Secret(given), salt: world.chance.bytes(16))
            let (world, seller) = (world, options.sellerID)
            let person = try await store.write { db in
                try SetupCode.use(code.trimmingCharacters(in: .whitespaces), at: world.time.now(), in: db)
                return try Person.create(
                    named: name, role: .owner, password: password, sellerID: seller, by: AuditLog.Actor("setup"), world: world, in: db)
            }
            return try await begin(person, next: nil)
        } catch let problem as Problem {
            return .html(pages.setup(error: problem.detail, name: name), status: problem.code.kind.status)
        }
    }

    func signOut(_ call: Call) async throws -> Reply {
        try checkForm(call, try call.form())
        if let secret = cookie(cookieName, in: call.headers) { try await store.write { db in try Session.end(secret, in: db) } }
        var reply = Reply.redirect(to: "/admin/sign-in")
        reply.headers[.setCookie] = setCookie(cookieName, "", seconds: 0)
        return reply
    }

    // MARK: - Looking

    func overview(_ call: Call) async throws -> Reply {
        let asker = call.asker
        let page = try await store.read { db in
            let seller = try Seller.find(asker.sellerID, in: db)
            let books = Books(sellerID: asker.sellerID, livemode: asker.livemode)
            let balances = try Journal.balances(of: books, in: db)
            let payments = try Payment.list(sellerID: asker.sellerID, livemode: asker.livemode, page: PageRequest(limit: 10), in: db)
            let sales = try Sale.list(sellerID: asker.sellerID, livemode: asker.livemode, page: PageRequest(limit: 10), in: db)
            return OverviewPage(
                frame: self.frame(call, in: seller), counts: [],
                // What is owed to the seller is a credit: shown as what they have.
                balances: balances.map { OverviewPage.Balance(account: $0.account, amount: $0.account.hasPrefix("rail:") ? $0.amount : -$0.amount) },
                payments: try payments.items.map { try self.row($0, in: db) },
                sales: sales.items.map { OverviewPage.Sale(id: $0.id, paymentID: $0.paymentID, title: $0.title, amount: $0.gross, time: $0.createdAt) })
        }
        return .html(pages.overview(page))
    }

    private func row(_ payment: Payment, in db: Database) throws -> PaymentsPage.Row {
        let link = try PaymentLink.find(payment.linkID, sellerID: payment.sellerID, livemode: payment.livemode, in: db)
        return PaymentsPage.Row(
            id: payment.id, title: link.title, status: payment.status.rawValue, payer: payment.payer, network: payment.network ?? "",
            amount: payment.price, time: payment.createdAt)
    }

    func paymentsPage(_ call: Call) async throws -> Reply {
        let (asker, request) = (call.asker, try call.query.page(of: .payment))
        let chosen = call.query["status"].flatMap { $0.isEmpty ? nil : $0 }
        let status = try paymentStatus(chosen)
        let page = try await store.read { db in
            let found = try Payment.list(sellerID: asker.sellerID, livemode: asker.livemode, status: status, page: request, in: db)
            let older = found.next.map { "/admin/payments?cursor=\($0)" + (chosen.map { "&status=" + $0 } ?? "") }
            return PaymentsPage(
                frame: self.frame(call, in: try Seller.find(asker.sellerID, in: db)), payments: try found.items.map { try self.row($0, in: db) },
                statuses: PaymentDocument.statuses, status: chosen, olderPath: older)
        }
        return .html(pages.payments(page))
    }

    func paymentPage(_ call: Call) async throws -> Reply {
        let (asker, id) = (call.asker, call.part("id"))
        let page = try await store.read { db in
            let payment = try Payment.find(id, sellerID: asker.sellerID, livemode: asker.livemode, in: db)
            let whole = try PaymentDocument.Whole(payment, in: db)
            let title = try PaymentLink.find(payment.linkID, sellerID: asker.sellerID, livemode: asker.livemode, in: db).title
            let books = Books(sellerID: asker.sellerID, livemode: asker.livemode)
            let entries = try whole.sale.map { try Journal.entries(of: books, reference: $0.id, page: PageRequest(limit: 20), in: db).items } ?? []
            return PaymentPage(
                frame: self.frame(call, in: try Seller.find(asker.sellerID, in: db)), id: payment.id, title: title, amount: ShownAmount(payment.price),
                status: StatusChip(payment.status.rawValue), warning: self.warning(whole), facts: self.facts(whole),
                timeline: try whole.timeline(in: db).map { PaymentPage.Step(self.words($0.type), detail: self.detail($0), time: $0.timestamp) },
                postings: entries.flatMap { entry in entry.postings.map { PaymentPage.Posting(entry: entry.id, account: $0.account, amount: $0.amount) } })
        }
        return .html(pages.payment(page))
    }

    private func warning(_ whole: PaymentDocument.Whole) -> String? {
        guard let settlement = whole.settlement, settlement.isOpen else { return nil }
        if settlement.parkedAt != nil {
            return "The network could not be asked \(settlement.attempts) times (\(settlement.failure ?? "no reason given")). Till goes on asking; please look."
        }
        return whole.payment.status == .unknown ? "The network's answer was lost. Till asks about the transaction until it knows." : nil
    }

    private func facts(_ whole: PaymentDocument.Whole) -> [PaymentPage.Fact] {
        let payment = whole.payment
        var facts: [PaymentPage.Fact] = [.code("Link", payment.linkID)]
        if let sale = whole.sale { facts.append(.code("Sale", sale.id)) }
        if let network = payment.network { facts.append(.text("Network", network)) }
        if let amount = payment.amount { facts.append(.text("Paid", "\(amount.decimal) \(amount.asset.code)")) }
        if let payer = payment.payer { facts.append(.code("Payer", payer)) }
        if let payTo = payment.payTo { facts.append(.code("Paid to", payTo)) }
        if let settlement = whole.settlement { facts.append(.code("Transaction", settlement.hash)) }
        if let failure = payment.failure { facts.append(.code("Reason", failure)) }
        facts.append(.time("Created", payment.createdAt))
        return facts
    }

    /// `payment.created` as `Payment created`.
    private func words(_ type: String) -> String {
        let text = type.replacing(".", with: " ").replacing("_", with: " ")
        return text.prefix(1).uppercased() + text.dropFirst()
    }

    /// What is worth a line of the timeline: a reason, or the fact that this step brought.
    private func detail(_ event: Event) -> String? {
        let payload = try? JSON.read(event.payload)  // Written by Till itself; without it the step still says what happened.
        switch EventType(rawValue: event.type) {
        case .paymentCreated: return payload?["purchaser_address"]?.text
        case .settlementQueued: return payload?["transaction"]?.text
        default: return payload?["detail"]?.text
        }
    }

    // MARK: - Links

    func linksPage(_ call: Call) async throws -> Reply { try await links(call, form: LinksPage.Form(), error: nil, created: nil) }

    private func links(_ call: Call, form: LinksPage.Form, error: Problem?, created: String?) async throws -> Reply {
        let (asker, request) = (call.asker, try call.query.page(of: .paymentLink))
        let page = try await store.read { db in
            let found = try PaymentLink.list(sellerID: asker.sellerID, livemode: asker.livemode, page: request, in: db)
            return LinksPage(
                frame: self.frame(call, in: try Seller.find(asker.sellerID, in: db)), links: found.items.map(self.linkRow),
                currencies: Asset.all.map(\.code), form: form, error: error?.detail, created: created,
                olderPath: found.next.map { "/admin/links?cursor=\($0)" })
        }
        return .html(pages.links(page), status: error?.code.kind.status ?? .ok)
    }

    private func linkRow(_ link: PaymentLink) -> LinksPage.Row {
        var price: String?
        if case .fixed(let amount) = link.price { price = "\(amount.decimal) \(amount.asset.code)" }
        return LinksPage.Row(
            id: link.id, title: link.title, url: linkURL(link.token), price: price, uses: link.uses, usesMax: link.maxUses,
            state: link.state.rawValue, qrPath: "/api/qr?token=\(link.token)&size=480&format=svg")
    }

    func createLinkByForm(_ call: Call) async throws -> Reply {
        let form = try call.form()
        try checkForm(call, form)
        try require(.write, call)
        do {
            let draft = try draft(from: form)
            let (asker, world) = (call.asker, world)
            let link = try await store.write { db in
                try PaymentLink.create(draft, sellerID: asker.sellerID, livemode: asker.livemode, actor: asker.actor, world: world, in: db)
            }
            return try await links(call, form: LinksPage.Form(), error: nil, created: linkURL(link.token))
        } catch let problem as Problem {
            let typed = LinksPage.Form(
                title: form["title"] ?? "", description: form["description"] ?? "", amount: form["amount"] ?? "", currency: form["currency"] ?? "USD",
                reusable: form["reusable"] == "true", maxUses: form["max_uses"] ?? "", content: form["content"] ?? "")
            return try await links(call, form: typed, error: problem, created: nil)
        }
    }

    /// Reads the form through the same rules as the API: an empty amount leaves the price to the buyer.
    private func draft(from form: [String: String]) throws -> PaymentLink.Draft {
        var members: [JSON.Member] = [JSON.Member("title", .string(form["title"] ?? "")), JSON.Member("reusable", .bool(form["reusable"] == "true"))]
        for key in ["description", "content"] {
            if let text = form[key], !text.isEmpty { members.append(JSON.Member(key, .string(text))) }
        }
        let currency = form["currency"] ?? "USD"
        if let amount = form["amount"], !amount.isEmpty {
            members.append(JSON.Member("price", ["amount": .string(amount), "currency": .string(currency)]))
        } else {
            members.append(JSON.Member("open_amount", ["currency": .string(currency), "min": "0.01", "max": "1000.00"]))
        }
        if let uses = form["max_uses"], !uses.isEmpty {
            guard let count = Int64(uses) else { throw Problem(.invalidField, "max_uses must be a whole number.", param: "max_uses") }
            members.append(JSON.Member("max_uses", .integer(count)))
        }
        var fields = try Fields(.object(members))
        return try PaymentLinkDocument.read(&fields)
    }

    func deactivateLinkByForm(_ call: Call) async throws -> Reply {
        try checkForm(call, try call.form())
        try require(.write, call)
        let (asker, id, world) = (call.asker, call.part("id"), world)
        _ = try await store.write { db in
            try PaymentLink.deactivate(id, sellerID: asker.sellerID, livemode: asker.livemode, actor: asker.actor, world: world, in: db)
        }
        return .redirect(to: "/admin/links")
    }
}
