import Foundation
import Kernel
import Testing

@testable import Web

/// What people see: every field of every page escaped, and nothing a strict content security policy would stop.
@Suite struct PagesTests {
    let pages: Pages
    static let time = Timestamp(milliseconds: 1_794_774_600_000)

    init() throws {
        pages = try Pages()
    }

    /// Text that tries to leave its element, its attribute and its template. The
    /// accent makes one character of itself and the quote before it.
    static func hostile(_ mark: String) -> String { mark + "\"\u{301}'><script>alert(1)</script>{{page.title}}" }
    static func escaped(_ mark: String) -> String {
        mark + "&quot;\u{301}&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{page.title}}"
    }

    static func has(_ html: String, _ text: String) -> Bool { Data(html.utf8).range(of: Data(text.utf8)) != nil }

    /// Every mark stands there escaped, and nothing of it unescaped.
    static func expectEscaped(_ html: String, _ marks: [String]) {
        for mark in marks { #expect(has(html, escaped(mark)), "\(mark) is not on the page") }
        #expect(!has(html, "<script>alert"))
        let quoteWithAccent = "\"\u{301}"
        let hasQuote = has(html, quoteWithAccent)
        #expect(!hasQuote)
        #expect(html.hasPrefix("<!doctype html>"))
        #expect(html.components(separatedBy: "<h1").count == 2, "one heading of the first level")
    }

    static func frame() -> AdminFrame {
        AdminFrame(sellerName: hostile("seller"), personName: hostile("person"), isTest: true, csrf: hostile("csrf"))
    }

    static func payPage() -> PayPage {
        var page = PayPage(
            sellerName: hostile("seller"), title: hostile("title"), networkName: hostile("network"), assetCode: hostile("asset"),
            payTo: hostile("payee"), payURL: hostile("url"), qrPath: hostile("qr"), isTest: true)
        page.description = hostile("description")
        page.price = hostile("price")
        page.status = hostile("status")
        page.statusText = hostile("said")
        page.statusPath = hostile("poll")
        page.testWalletAction = hostile("wallet")
        page.developerHint = hostile("curl")
        let way = PayPage.Way(network: hostile("waynet"), asset: hostile("wayasset"), amount: hostile("wayamount"))
        page.accepts = [way, way]
        return page
    }

    static func row() -> PaymentsPage.Row {
        PaymentsPage.Row(
            id: hostile("id"), title: hostile("rowtitle"), status: hostile("state"), payer: hostile("payer"), network: hostile("net"),
            amount: Amount(50_000, .usdc), time: time)
    }

    @Test("a pay page escapes every field")
    func payEscapes() {
        let marks = [
            "seller", "title", "network", "asset", "payee", "url", "qr", "description", "price", "status", "said", "poll", "wallet", "curl",
            "waynet", "wayasset", "wayamount",
        ]
        Self.expectEscaped(pages.pay(Self.payPage()), marks)
    }

    @Test("an open amount is a number with its range", arguments: [true, false])
    func openAmount(withTestWallet: Bool) {
        var page = Self.payPage()
        page.price = nil
        page.amount = PayPage.AmountInput(
            currency: Self.hostile("currency"), min: Self.hostile("min"), max: Self.hostile("max"), step: Self.hostile("step"),
            value: Self.hostile("value"))
        if !withTestWallet { page.testWalletAction = nil }
        let html = pages.pay(page)
        Self.expectEscaped(html, ["currency", "min", "max", "step", "value"])
        #expect(html.components(separatedBy: "name=\"amount\"").count == 2)
        #expect(html.contains("data-test=\"pay-with-test-wallet\"") == withTestWallet)
    }

    @Test("a receipt shows the goods as plain text and hides the offer")
    func receipt() {
        var page = Self.payPage()
        page.receipt = PayPage.Receipt(
            goods: Self.hostile("goods"), paid: Self.hostile("paid"), time: ShownTime(Self.time), saleID: Self.hostile("sale"),
            transaction: Self.hostile("hash"), successURL: "https://" + Self.hostile("shop"))
        let html = pages.pay(page)
        Self.expectEscaped(html, ["goods", "paid", "sale", "hash", "shop"])
        #expect(!html.contains("pay-with-test-wallet"))
        #expect(!html.contains("class=\"qr\""))
    }

    @Test("a way on that could run a script is left out")
    func successURL() {
        let receipt = PayPage.Receipt(
            goods: nil, paid: "1.00 USDC", time: ShownTime(Self.time), saleID: "sale_1", transaction: nil, successURL: "javascript:alert(1)")
        #expect(receipt.successURL == nil)
    }

    @Test("a buyer finds price, status, code and the test strip")
    func payContents() {
        var page = PayPage(
            sellerName: "My shop", title: "Tea", networkName: "Sandbox", assetCode: "USDC", payTo: "0x1", payURL: "http://127.0.0.1/pay/t",
            qrPath: "/api/qr?token=t&size=240&format=svg", isTest: true)
        page.price = "0.05 USD"
        page.testWalletAction = "/pay/t/test-wallet"
        let html = pages.pay(page)
        #expect(html.contains("data-test=\"price\">0.05 USD<"))
        #expect(html.contains("role=\"status\" aria-live=\"polite\" data-test=\"status\""))
        #expect(html.contains("alt=\"QR code"))
        #expect(html.contains("action=\"/pay/t/test-wallet\""))
        #expect(html.contains("Test mode: no real money"))
        #expect(!html.contains("data-status-path="))
        page.isTest = false
        page.testWalletAction = nil
        let live = pages.pay(page)
        #expect(!live.contains("Test mode"))
        #expect(!live.contains("<form"))
    }

    @Test("notice, sign-in and set-up escape every field")
    func plainPagesEscape() {
        let action = NoticePage.Action(name: Self.hostile("name"), path: Self.hostile("path"))
        Self.expectEscaped(
            pages.notice(title: Self.hostile("title"), text: Self.hostile("text"), status: 404, action: action), ["title", "text", "name", "path"])
        Self.expectEscaped(
            pages.signIn(next: Self.hostile("next"), error: Self.hostile("error"), csrf: Self.hostile("csrf")), ["next", "error", "csrf"])
        Self.expectEscaped(pages.setup(error: Self.hostile("error"), name: Self.hostile("name")), ["error", "name"])
    }

    @Test("the overview escapes every field")
    func overviewEscapes() {
        let amount = Amount(1_250_000, .usdc)
        let html = pages.overview(
            OverviewPage(
                frame: Self.frame(), counts: [OverviewPage.Count(Self.hostile("count"), 3)],
                balances: [
                    OverviewPage.Balance(account: OverviewPage.availableAccount, amount: amount),
                    OverviewPage.Balance(account: Self.hostile("account"), amount: amount),
                ],
                payments: [Self.row()],
                sales: [
                    OverviewPage.Sale(
                        id: Self.hostile("saleid"), paymentID: Self.hostile("of"), title: Self.hostile("saletitle"), amount: amount, time: Self.time)
                ]))
        Self.expectEscaped(
            html, ["seller", "person", "csrf", "count", "account", "id", "rowtitle", "state", "saleid", "of", "saletitle"])
        #expect(html.contains("<time datetime=\"2026-11-15T20:30:00.000Z\">15 Nov 2026, 20:30 UTC</time>"))
        #expect(html.contains("href=\"/admin\" aria-current=\"page\""))
    }

    @Test("an empty shop has an overview")
    func emptyOverview() {
        let html = pages.overview(OverviewPage(frame: Self.frame(), counts: [], balances: [], payments: [], sales: []))
        #expect(html.contains("Nothing yet"))
        #expect(!html.contains("<table"))
    }

    @Test("the list of payments escapes every field and keeps the filter")
    func paymentsEscape() {
        let state = Self.hostile("choice")
        let html = pages.payments(
            PaymentsPage(
                frame: Self.frame(), payments: [Self.row()], statuses: ["completed", state], status: state, olderPath: Self.hostile("older")))
        Self.expectEscaped(html, ["id", "rowtitle", "state", "net", "choice", "older"])
        #expect(html.components(separatedBy: " selected>").count == 2)
    }

    @Test("one payment escapes every field and puts each posting in its column")
    func paymentEscapes() {
        let page = PaymentPage(
            frame: Self.frame(), id: Self.hostile("id"), title: Self.hostile("title"), amount: ShownAmount(Amount(50_000, .usdc)),
            status: StatusChip(Self.hostile("state")), warning: Self.hostile("warning"),
            facts: [
                .text(Self.hostile("term"), Self.hostile("fact")), .code(Self.hostile("codeterm"), Self.hostile("code")),
                .time(Self.hostile("timeterm"), Self.time),
            ],
            timeline: [PaymentPage.Step(Self.hostile("step"), detail: Self.hostile("detail"), time: Self.time)],
            postings: [
                PaymentPage.Posting(entry: Self.hostile("entry"), account: Self.hostile("account"), amount: Amount(50_000, .usdc)),
                PaymentPage.Posting(entry: "sale", account: "seller:available", amount: Amount(-50_000, .usdc)),
            ])
        let html = pages.payment(page)
        Self.expectEscaped(
            html,
            [
                "id", "title", "state", "warning", "term", "fact", "codeterm", "code", "timeterm", "step", "detail", "entry", "account", "seller",
            ])
        #expect(html.contains("<td class=\"amount\">0.05</td><td class=\"amount\"></td>"))
        #expect(html.contains("<td class=\"amount\"></td><td class=\"amount\">0.05</td>"))
    }

    @Test("the links page escapes every field and offers to deactivate active links only")
    func linksEscape() {
        let active = LinksPage.Row(
            id: Self.hostile("id"), title: Self.hostile("title"), url: Self.hostile("url"), price: Self.hostile("price"), uses: 3, usesMax: 10,
            state: "active", qrPath: Self.hostile("qr"))
        let spent = LinksPage.Row(
            id: "plink_2", title: "Tea", url: "http://127.0.0.1/pay/t", price: nil, uses: 1, usesMax: nil, state: Self.hostile("state"),
            qrPath: "/api/qr")
        let form = LinksPage.Form(
            title: Self.hostile("ftitle"), description: Self.hostile("fdescription"), amount: Self.hostile("famount"),
            currency: Self.hostile("currency"), reusable: false, maxUses: Self.hostile("fmax"), content: Self.hostile("fcontent"))
        let html = pages.links(
            LinksPage(
                frame: Self.frame(), links: [active, spent], currencies: [Self.hostile("currency"), "EUR"], form: form,
                error: Self.hostile("error"), created: Self.hostile("created"), olderPath: Self.hostile("older")))
        Self.expectEscaped(
            html,
            [
                "title", "url", "price", "qr", "state", "ftitle", "fdescription", "famount", "currency", "fmax", "fcontent", "error", "created",
                "older", "csrf",
            ])
        #expect(Self.has(html, "/admin/links/" + Self.escaped("id") + "/deactivate"))
        #expect(!html.contains("plink_2/deactivate"))
        #expect(html.contains("3 of 10"))
        #expect(!html.contains(" checked>"))
    }

    static let templates: [String] = [
        "page", "pay", "notice", "signin", "setup", "overview", "payments", "payment", "links",
    ]

    @Test("no template carries a style, a script or unescaped text", arguments: templates)
    func templatesAreStrict(_ name: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "web/\(name).mustache"), encoding: .utf8)
        for banned in ["{{{", "{{&", " style=", "<style", "javascript:", "<iframe", "<base"] {
            #expect(!text.contains(banned), "\(banned) in \(name).mustache")
        }
        #expect(text.firstMatch(of: #/\son[a-z]+\s*=/#) == nil, "an event attribute in \(name).mustache")
        let scripts = text.components(separatedBy: "<script").dropFirst()
        for script in scripts { #expect(script.hasPrefix(" src=\"/assets/"), "an inline script in \(name).mustache") }
        if name == "page" { #expect(text.hasPrefix("{{% CONTENT_TYPE:TILL}}"), "the escaping is chosen by the first line") }
    }
}
