/// What stands around every admin page: whose shop it is, who is signed in, the way between pages.
struct AdminFrame {
    var sellerName: String
    var personName: String
    /// Shows that everything here is test money.
    var isTest: Bool
    /// The session's token, sent back with every form.
    var csrf: String

    enum Place {
        case overview, payments, payment, links
    }

    /// The frame as the template reads it, with the current page marked.
    ///
    /// One payment belongs to no entry of the navigation: none is marked there.
    struct Shown {
        let sellerName: String
        let personName: String
        let isTest: Bool
        let csrf: String
        let onOverview: Bool
        let onPayments: Bool
        let onLinks: Bool
    }

    func shown(on place: Place) -> Shown {
        Shown(
            sellerName: sellerName, personName: personName, isTest: isTest, csrf: csrf, onOverview: place == .overview,
            onPayments: place == .payments, onLinks: place == .links)
    }
}
