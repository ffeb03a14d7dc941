"""The second factors of one's own account: what there is, another one, one less. (S-AUTH-3)

Each act asks first who is there; the service leaves nobody without a factor.
"""

import asyncio
from functools import partial

from nicegui import ui

from pages import kit
from pages.kit.element import Html
from pages.qr import qr_code
from pages.session import current_actor
from pages.theme import static
from pages.users.sign_in import in_fours, show_codes
from pages.words import local, t
from services.clinic import Clinic
from services.permissions import Action
from services.users.account import Profile
from services.users.enrolment import NewSecret
from services.users.factors import KeptPasskey

KEEP_PASSKEY = "/auth/account/passkey"


class OwnFactors:
    """A card, and the panel in which something is added."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic

    def build(self, profile: Profile) -> None:
        """Show what there is."""
        ui.add_head_html(f'<script src="{static("passkey.js")}" defer></script>')
        with kit.card(t("account.factors"), flush=True):
            self._rows = Html("div", "rows")
        self._panel = kit.side_panel()
        self._show(profile)

    def _show(self, profile: Profile) -> None:
        held = profile.enrolled
        self._rows.clear()
        with self._rows:
            bound = t("account.bound") if held.totp else t("account.not_bound")
            with kit.line(t("account.totp"), bound, icon="phone"):
                word = t("account.replace_app") if held.totp else t("account.bind_app")
                kit.button("line", word, self._ask_for_app, small=True)
            for passkey in profile.passkeys:
                with kit.line(passkey.label, _of(passkey), icon="key"):
                    remove = partial(self._remove, passkey)
                    kit.button("line", t("account.remove_passkey"), remove, small=True)
            with kit.line(t("account.passkeys"), t("account.passkeys_what"), icon="key"):
                kit.button("line", t("account.add_passkey"), self._ask_for_passkey, small=True)
            left = t("account.codes_held", count=held.codes_left)
            with kit.line(t("account.codes_left"), left, icon="book"):
                kit.button("line", t("account.new_codes"), self._new_codes, small=True)

    async def _changed(self, told: str) -> None:
        self._panel.close()
        self._show(await self._clinic.account.profile(current_actor()))
        kit.toast(told)

    def _ask_who(self) -> None:
        self._clinic.transactions.ask_first(current_actor(), Action.ACCOUNT_SECURE)

    async def _ask_for_app(self) -> None:
        self._ask_who()
        secret = await self._clinic.account.start_totp(current_actor())
        drawn = await asyncio.to_thread(qr_code, secret.uri)
        with self._panel.fill(t("account.new_app")):
            self._fill_app(secret, drawn)

    def _fill_app(self, secret: NewSecret, drawn: str) -> None:
        kit.paragraph(t("account.new_app_text"), "muted")
        Html("img", "qr", src=drawn, alt=t("sign_in.qr_alt"), width=200, height=200)
        kit.paragraph(t("sign_in.enrol_type"), "muted small")
        Html("code", "secret", text=" ".join(in_fours(secret.secret)))

        async def finish() -> None:
            with kit.told(into=lambda words, _: setattr(box, "error", words)):
                await self._clinic.account.finish_totp(current_actor(), box.text)
                await self._changed(t("account.app_bound"))

        box = kit.code_box(t("sign_in.enrol_code"), required=True, on_full=finish)
        kit.button("primary", t("sign_in.keep"), finish)

    async def _ask_for_passkey(self) -> None:
        self._ask_who()
        with self._panel.fill(t("account.add_passkey")):
            kit.paragraph(t("account.add_passkey_text"), "muted")
            with kit.form(KEEP_PASSKEY) as form:
                kit.field(
                    t("account.passkey_name"),
                    name="label",
                    value=t("sign_in.passkey_label"),
                    length=60,
                    required=True,
                )
                kit.hidden("kind", "passkey")
                kit.hidden("value", "")
                form.attribute("data-passkey", f"{KEEP_PASSKEY}/options")
                form.attribute("data-passkey-new", "")
                form.attribute("data-passkey-failed", t("sign_in.passkey_failed"))
                kit.button("primary", t("account.make_passkey"), icon="key", submit=True)

    async def _remove(self, passkey: KeptPasskey) -> None:
        self._ask_who()
        question = t("account.remove_passkey_title", name=passkey.label)
        text, do = t("account.remove_passkey_text"), t("account.remove_passkey")
        if await kit.confirm(question, text, do):
            await self._clinic.account.remove_passkey(current_actor(), passkey.id)
            await self._changed(t("account.passkey_removed"))

    async def _new_codes(self) -> None:
        self._ask_who()
        text, do = t("account.new_codes_text"), t("account.new_codes_do")
        if not await kit.confirm(t("account.new_codes"), text, do):
            return
        codes = await self._clinic.account.new_codes(current_actor())
        profile = await self._clinic.account.profile(current_actor())
        self._show(profile)
        with self._panel.fill(t("sign_in.recovery_codes")):
            kit.paragraph(t("sign_in.codes_why"))
            show_codes(codes, profile.username)


def _of(passkey: KeptPasskey) -> str:
    added = t("account.passkey_added", at=local(passkey.created_at))
    if passkey.used_at is None:
        return added
    return t("account.passkey_used", added=added, at=local(passkey.used_at))
