"""Who is who on the local EVM network: chain, contracts and the accounts of the well-known "test ... junk" mnemonic."""
from eth_account import Account
from eth_utils import to_checksum_address

MNEMONIC = "test test test test test test test test test test test junk"
USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"  # Circle's address on Base Sepolia
MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"
WALLET = "0x1271000000000000000000000000000000001271"


def hx(v):
    """JSON-RPC quantity for ints, hex data for bytes."""
    return hex(v) if isinstance(v, int) else "0x" + bytes(v).hex()


def addr(a):
    return to_checksum_address(a) if a else None


def describe(chain_id=84532, token=USDC, buyers=4):
    """Everything a test needs to know: chain, contracts, accounts."""
    Account.enable_unaudited_hdwallet_features()
    roles = ["deployer", "facilitator", "payTo"] + [f"buyer{i}" for i in range(buyers)]
    keys = [Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{i}") for i in range(len(roles))]
    return {
        "chainId": chain_id,
        "network": f"eip155:{chain_id}",
        "asset": addr(token),
        "eip712": {"name": "USDC", "version": "2"},
        "multicall3": MULTICALL3,
        "wallet1271": WALLET,  # owned by buyer0
        "accounts": {r: {"address": k.address, "privateKey": hx(k.key)} for r, k in zip(roles, keys)},
    }
