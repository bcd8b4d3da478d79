"""What programs that show a preview of a link get: a title and a share card, instead of a page that needs scripts.

Envoy fills in the path of the link. A pattern decides which paths can be in it, so that nobody can put markup there.
"""

import html
from dataclasses import dataclass

# The names of such programs in their User-Agent. Browsers have none of them.
PROGRAMS = (
    *("Applebot", "Bluesky", "Discordbot", "Embedly", "facebookexternalhit", "Iframely", "LinkedInBot", "Mastodon"),
    *("Matrix-Media", "Pinterestbot", "redditbot", "SkypeUriPreview", "Slackbot", "Synapse", "TelegramBot"),
    *("Twitterbot", "vkShare", "WhatsApp"),
)
USER_AGENT = ("user-agent", f"(?i).*({'|'.join(PROGRAMS)}).*")
PATH_OF_LINK = "%PATH(NQ)%"
"""Envoy's name for the path of the request without its query."""
CARD_WIDTH, CARD_HEIGHT = 1200, 630


@dataclass(frozen=True)
class Preview:
    """The preview of some paths."""

    pattern: str
    title: str
    card: str
    """The path of the share card, as Envoy's format."""

    def document(self, public_url: str) -> str:
        """Returns the document as Envoy's format."""
        site = html.escape(public_url).replace("%", "%%")
        title = html.escape(self.title)
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f'<meta property="og:site_name" content="Voice Arena"><meta property="og:type" content="website">'
            f'<meta property="og:title" content="{title}"><meta property="og:url" content="{site}{PATH_OF_LINK}">'
            f'<meta property="og:image" content="{site}{self.card}"><meta property="og:image:type" content="image/png">'
            f'<meta property="og:image:width" content="{CARD_WIDTH}">'
            f'<meta property="og:image:height" content="{CARD_HEIGHT}">'
            f'<meta name="twitter:card" content="summary_large_image"></head><body>{title}</body></html>\n'
        )


# Experiments are private, so a program without a key could not read their cards.
PREVIEWS = (
    Preview("(/|/leaderboard/?)", "Leaderboard – Voice Arena", "/api/v1/leaderboard/card"),
    Preview("/models/mdl_[0-9a-f]{32}", "A voice in the Voice Arena", f"/api/v1{PATH_OF_LINK}/card"),
)
