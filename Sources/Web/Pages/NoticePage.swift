/// A page that only says something.
struct NoticePage {
    let title: String
    let text: String
    let status: Int?
    let action: Action?

    /// The one way on from a notice.
    struct Action {
        let name: String
        /// A local path.
        let path: String
    }
}

/// The sign-in form. `error` is the same for an unknown name and a wrong password.
struct SignInPage {
    let next: String?
    let error: String?
    let csrf: String
}

/// The form for the first person, who holds the one-time code.
struct SetupPage {
    let error: String?
    let name: String
}
