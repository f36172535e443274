"""Every address of the web side. Addresses that Exotel calls begin with /x/."""

from django.conf import settings
from django.urls import include, path

urlpatterns = [path("x/", include("campaigns.carrier_urls")), path("", include("campaigns.urls"))]

if "django.contrib.admin" in settings.INSTALLED_APPS:
    from django.contrib import admin

    urlpatterns.insert(0, path("admin/", admin.site.urls))
