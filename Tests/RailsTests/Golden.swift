/// What independent implementations made of the same input.
///
/// Signatures, hashes: eth_account 0.13 and eth_utils 5, from the key of `Buyer`, Base
/// Sepolia's USDC and the authorization of `EIP712Tests`. Headers: the Python SDK
/// `x402[evm]==2.25.0`, `x402ClientSync.create_payment_payload` with the clock set to
/// 1 700 000 000, encoded by `encode_payment_signature_header`.
enum Golden {
    static let separator = "71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818"
    static let structHash = "69229dad5a52e329a37becae218c7293bc53f63009bbf99e2f8ed795058c6985"
    static let digest = "d3f2de152b2727310b3be786a018611cde6849fed321474abd6f1c24af124863"
    static let signature =
        "e34d3c4e0268222e4dfba95cc66b8bcc57513787a8861de032265ed5321b8ae60e930b62d60dce1e512d4970f40093aba9435cc68813e9e876e909a308f71cb81c"
    static let compactSignature =
        "e34d3c4e0268222e4dfba95cc66b8bcc57513787a8861de032265ed5321b8ae68e930b62d60dce1e512d4970f40093aba9435cc68813e9e876e909a308f71cb8"
    static let highSignature =
        "e34d3c4e0268222e4dfba95cc66b8bcc57513787a8861de032265ed5321b8ae6f16cf49d29f231e1aed2b68f0bff6c53116b80202734b65348e954e9c73f24891b"

    /// Value and `validBefore` 2²⁵⁶ − 1, `validAfter` 0.
    static let largestStructHash = "83f04ada851ca5783bd571f51be5c2d7a427e56eb366ee0076bb0d7ecff4070c"
    static let largestDigest = "32fde568cc67bf8a26b8f07d964e18542c2cc83607ea320386515c5279db9cea"
    static let largestSignature =
        "c55e1ebd36a795d4f83a9140b2a83fd89c20c3af8d4c741cc6c9f438c4b3557e4278d9cee7f3f63be0ab819cd129904eaac2053a7e4c569215542bd06fd39de11b"

    /// The first authorization, for USDC on Base.
    static let baseSeparator = "02fa7265e7c5d81118673727957699e4d68f74cd74b7db77da710fe8a2c7834f"
    static let baseDigest = "a0c7ebf0f19516263437396569a5433fa42cf0220237eb5efc7b8902a468bea3"

    static let v2Header = """
        eyJ4NDAyVmVyc2lvbiI6MiwicGF5bG9hZCI6eyJhdXRob3JpemF0aW9uIjp7ImZyb20iOiIweDJjNzUzNkUzNjA1RDlDMTZhN2EzRDdiMTg5OGU1Mjkz\
        OTZhNjVjMjMiLCJ0byI6IjB4MjA5NjkzQmM2YWZjMEM1MzI4YkEzNkZhRjAzQzUxNEVGMzEyMjg3QyIsInZhbHVlIjoiMTAwMDAiLCJ2YWxpZEFmdGVy\
        IjoiMCIsInZhbGlkQmVmb3JlIjoiMTcwMDAwMDMwMCIsIm5vbmNlIjoiMHhmMzg3MTQ0ZjEyNmFiMDc4MzRmZTg0YmEyODIwZDQ1NDY4ODYxNDMxMmZh\
        MjM1MGM3OTMwOTIyZmM0Nzk4ZjkzIn0sInNpZ25hdHVyZSI6IjB4ZmM3YmUyZjE3ZTE5OWM3MmNmMjI1NTJjNDBhY2VmZWNiN2Q1NWE3YmQwZjc4YzJi\
        MjdiYTM5MjIwYmJjY2Q1OTFiZjFkNzVhZDU4ZmFkNzAzYzgwNTkzZGIyMzIwODZiMTBhNzE3NjBhNWY5NWQyZWFiZDY3Njk4NTM5ZThlYTgxYyJ9LCJh\
        Y2NlcHRlZCI6eyJzY2hlbWUiOiJleGFjdCIsIm5ldHdvcmsiOiJlaXAxNTU6ODQ1MzIiLCJhc3NldCI6IjB4MDM2Q2JENTM4NDJjNTQyNjYzNGU3OTI5\
        NTQxZUMyMzE4ZjNkQ0Y3ZSIsImFtb3VudCI6IjEwMDAwIiwicGF5VG8iOiIweDIwOTY5M0JjNmFmYzBDNTMyOGJBMzZGYUYwM0M1MTRFRjMxMjI4N0Mi\
        LCJtYXhUaW1lb3V0U2Vjb25kcyI6MzAwLCJleHRyYSI6eyJuYW1lIjoiVVNEQyIsInZlcnNpb24iOiIyIn19LCJyZXNvdXJjZSI6eyJ1cmwiOiJodHRw\
        Oi8vbG9jYWxob3N0L3BheS94In19
        """

    static let v1Header = """
        eyJ4NDAyVmVyc2lvbiI6MSwic2NoZW1lIjoiZXhhY3QiLCJuZXR3b3JrIjoiYmFzZS1zZXBvbGlhIiwicGF5bG9hZCI6eyJhdXRob3JpemF0aW9uIjp7\
        ImZyb20iOiIweDJjNzUzNkUzNjA1RDlDMTZhN2EzRDdiMTg5OGU1MjkzOTZhNjVjMjMiLCJ0byI6IjB4MjA5NjkzQmM2YWZjMEM1MzI4YkEzNkZhRjAz\
        QzUxNEVGMzEyMjg3QyIsInZhbHVlIjoiMTAwMDAiLCJ2YWxpZEFmdGVyIjoiMTY5OTk5OTQwMCIsInZhbGlkQmVmb3JlIjoiMTcwMDAwMDMwMCIsIm5v\
        bmNlIjoiMHhjN2E4NGI3ZWE0MjAwMTI3MzMwZTM2MTU0YjM5ZjEyMmM3ODhkYzE2MzM3Yjc3N2QzMjBhMjNkZDhhYmY5NzdmIn0sInNpZ25hdHVyZSI6\
        IjB4MTYzMjYzYzc5NTM2MDk5NzBkOWFiMjJlYjE0YTQ4MjQ2NWZjZjlkMTI3ZDhhZDA4ZGI5Y2VkNjBlM2FjOGU0YTYyZjU2Nzg3Mzk1MmM1MWYwODdh\
        YzRhYmZlZTJiNzBlMzRlNjM2OGE4YTMyNzAxMzgxMWQyY2E1ODBjOTdmYWMxYyJ9fQ==
        """
}
