import Mustache
import WebAssets

/// The pages people see, drawn from `web/*.mustache`.
///
/// Made once at start. Each function takes plain values and gives the whole HTML
/// document; it reads nothing else, and asks nobody. Templates find values by the
/// names of stored properties, so a renamed property needs its template renamed
/// too: `PagesTests` draws every page with every field filled.
package struct Pages: Sendable {
    private let library: MustacheLibrary

    /// - Throws: The library's parser error where a template is malformed, which
    ///   only a change of the files in `web/` can cause.
    package init() throws {
        // Before the first template is read: its pragma names this escaping.
        MustacheContentTypes.register(HTMLText(), named: HTMLText.name)
        var library = MustacheLibrary()
        for template in WebAssets.templates {
            try library.register(String(decoding: template.text, as: UTF8.self), named: template.name)
        }
        self.library = library
    }

    /// The page of one link, for a buyer: what it is, what it costs, how to pay,
    /// or the receipt once it is paid.
    func pay(_ page: PayPage) -> String {
        draw("pay", page, test: page.isTest, extra: ["offer": page.receipt == nil, "choices": page.accepts.count > 1])
    }

    /// A page that only says something: not found, expired, sold out.
    ///
    /// - Parameter status: The HTTP status it is sent with, shown small; nil for none.
    func notice(title: String, text: String, status: Int? = nil, action: NoticePage.Action? = nil, isTest: Bool = false) -> String {
        draw("notice", NoticePage(title: title, text: text, status: status, action: action), test: isTest)
    }

    /// The sign-in form, posting `name`, `password`, `csrf` and `next` to `/admin/sign-in`.
    ///
    /// - Parameter next: The local path to go to afterwards.
    func signIn(next: String? = nil, error: String? = nil, csrf: String) -> String {
        draw("signin", SignInPage(next: next, error: error, csrf: csrf))
    }

    /// The form for the first person, posting `code`, `name` and `password` to `/admin/setup`.
    ///
    /// - Parameter name: What was typed before an error, kept.
    func setup(error: String? = nil, name: String = "") -> String {
        draw("setup", SetupPage(error: error, name: name))
    }

    func overview(_ page: OverviewPage) -> String {
        draw(
            "overview", page, frame: page.frame.shown(on: .overview),
            extra: [
                "available": page.balances.filter { $0.account == OverviewPage.availableAccount }, "hasPayments": !page.payments.isEmpty,
                "hasSales": !page.sales.isEmpty, "hasBalances": !page.balances.isEmpty,
            ])
    }

    func payments(_ page: PaymentsPage) -> String {
        let options = page.statuses.map { Choice(value: $0, name: StatusChip($0).text, isSelected: $0 == page.status) }
        return draw("payments", page, frame: page.frame.shown(on: .payments), extra: ["options": options, "hasPayments": !page.payments.isEmpty])
    }

    func payment(_ page: PaymentPage) -> String {
        draw("payment", page, frame: page.frame.shown(on: .payment), extra: ["hasPostings": !page.postings.isEmpty])
    }

    func links(_ page: LinksPage) -> String {
        let currencies = page.currencies.map { Choice(value: $0, name: $0, isSelected: $0 == page.form.currency) }
        return draw("links", page, frame: page.frame.shown(on: .links), extra: ["currencies": currencies, "hasLinks": !page.links.isEmpty])
    }

    private func draw(_ template: String, _ page: Any, frame: AdminFrame.Shown? = nil, test: Bool = false, extra: [String: Any] = [:]) -> String {
        var context = extra
        context["page"] = page
        context["test"] = test
        if let frame { context["frame"] = frame }
        guard let html = library.render(context, withTemplate: template) else { preconditionFailure("no template \(template)") }
        return html
    }
}

/// One choice of a select box.
struct Choice {
    let value: String
    let name: String
    let isSelected: Bool
}
